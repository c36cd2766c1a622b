// The pod's end: every app, then the sandbox, then on_exit, then stage1 itself.
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "linux/clock.h"
#include "linux/clone_process.h"
#include "linux/descriptor_limit.h"
#include "linux/pidfd.h"
#include "linux/vfork_spawn.h"
#include "stage1/deadlines.h"
#include "stage1/keeper/pod.h"

namespace gantry::keeper {

namespace {

std::vector<std::string> own_environment() {
  std::vector<std::string> all;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) all.emplace_back(*entry);
  return all;
}

}  // namespace

// Again with a shorter grace: shortens the apps'.
void Pod::stop(ReplyTo to, int64_t grace) {
  if (to.connection != 0) stop_waiters_.push_back(to);
  stopping_ = true;
  for (ListedApp& listed : listed_) listed.backoff->cancel();
  std::vector<App*> all;
  for (const auto& [id, app] : apps_) all.push_back(app.get());
  for (App* app : all) {
    if (!app->gone()) app->stop({}, grace, 0);
  }
  stop_if_empty();
}

void Pod::stop_if_empty() {
  if (!stopping_ || ending_) return;
  const bool empty = std::ranges::all_of(apps_, [](const auto& entry) { return entry.second->stage() == App::Stage::exited; });
  if (!empty) return;
  ending_ = true;
  loop.post([this] { end_sandbox(); });
}

void Pod::end_sandbox() {
  listener_watch_.end();
  listener_.reset();
  if (ready_) ::unlink(pod.control_socket.c_str());
  if (!sandbox.init_pidfd.valid()) return run_on_exit();
  (void)pidfd_send_signal(sandbox.init_pidfd.get(), SIGKILL);
  end_limit_.start(loop, deadlines::end_init, [this] {
    say({}, "the PID 1 of the pod's pid namespace does not die");
    run_on_exit();
  });
}

// In the host's namespaces, once. stage1 waits for it, so that whoever supervises the pod sees its end after the clean-up.
void Pod::run_on_exit() {
  if (std::exchange(on_exit_begun_, true)) return;  // a PID 1 that was given up has died all the same
  end_limit_.cancel();
  for (const ReplyTo to : std::exchange(stop_waiters_, {})) reply(to, contract::encode_stopped(to.request, app_states()));
  if (pod.on_exit.empty() || failed_) return say_good_bye();
  auto pid = vfork_spawn({pod.on_exit, own_environment(), {-1, 1, 2}, given_descriptor_limit()});
  auto process = pid.ok() ? pidfd_open(*pid) : Result<UniqueFd>(pid.error());
  if (!process) {
    say({}, "onExit cannot be run: " + process.error().describe());
    return say_good_bye();
  }
  on_exit_process_ = std::move(*process);
  auto watch = loop.watch(on_exit_process_.get(), readable, [this](uint32_t) {
    auto status = pidfd_reap(on_exit_process_.get());
    if (!status && status.error().code == EAGAIN) return;
    on_exit_watch_.end();
    if (status.ok() && status->code != 0) say({}, "onExit ended with code " + std::to_string(status->code));
    say_good_bye();
  });
  if (!watch) return say_good_bye();
  on_exit_watch_ = std::move(*watch);
  end_limit_.start(loop, deadlines::on_exit, [this] {
    say({}, "onExit was given up after two minutes");
    (void)pidfd_send_signal(on_exit_process_.get(), SIGKILL);
    say_good_bye();
  });
}

// The last frames go out; then the pod's own cgroup.
void Pod::say_good_bye() {
  end_limit_.start(loop, deadlines::good_bye, [this] { loop.stop(); });
  for (const auto& [id, connection] : connections_) {
    if (connection->unsent()) return connection->when_sent([this] { loop.post([this] { say_good_bye(); }); });
  }
  logs.end();  // it is in the cgroup
  if (!own_cgroup_.empty()) remove_own_cgroup();
  loop.stop();
}

// stage1 is in there. Whoever has a connection learns of the end from that one, which a clone can close; to others it is
// this process's own end, and all must be gone before.
void Pod::remove_own_cgroup() {
  auto clone = connections_.empty() ? Result<bool>(Error{ENOTCONN, "clone", {}, {}}) : outlive_self(own_cgroup_);
  if (clone && !*clone) return;
  leave_cgroups(own_cgroup_);
  (void)remove_cgroups(own_cgroup_);
  cgroups.remove_made_parents();
  if (clone) exit_now(0);
}

// Of a pod that somebody waits for: the first app, in the manifest's order, that did not end well.
int Pod::exit_code() const {
  for (const std::string& id : pod.apps) {
    const auto found = apps_.find(id);
    if (found == apps_.end()) return 1;
    if (found->second->state().exit_code != 0) return found->second->state().exit_code;
  }
  return 0;
}

}  // namespace gantry::keeper
