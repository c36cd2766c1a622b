// Requests to an app that exists: signals, stop, delete, new limits, a rotated log.
#include <algorithm>
#include <csignal>
#include <utility>

#include "linux/clock.h"
#include "stage1/keeper/app.h"

namespace gantry::keeper {

namespace {

constexpr int64_t force_again = 100 * nanoseconds_a_millisecond;

}  // namespace

void App::kill(ReplyTo to, int signal, bool all) {
  if (signal < 0 || signal >= NSIG) {
    return reply_error(to, {EINVAL, "kill", std::to_string(signal), "not a signal's number"});
  }
  if (child_ == nullptr) return reply_error(to, not_now("kill"));
  if (all && cgroup_ != nullptr) {
    if (signal == SIGKILL) {
      cgroup_->kill();
    } else {
      cgroup_->signal(signal);
    }
    return reply_done(to);
  }
  auto sent = child_->signal(signal);
  sent.ok() ? reply_done(to) : reply_error(to, std::move(sent.error()));
}

// Of several, the earliest deadline holds. An app that was not started has nothing to be graceful with.
void App::stop(ReplyTo to, int64_t grace, int signal) {
  stop_waiters_.push_back(to);
  if (stage_ == Stage::exited) return answer_waiting();
  if (stage_ == Stage::barrier || stage_ == Stage::preparing) return forget();
  if (stage_ == Stage::ending || stage_ == Stage::forgetting) return;
  if (stage_ == Stage::created || grace <= 0) return force();
  const int64_t deadline = monotonic_now() + grace;
  const bool first = grace_deadline_ == 0;
  if (first) (void)child_->signal(signal > 0 && signal < NSIG ? signal : manifest_.stop_signal);
  if (!first && deadline >= grace_deadline_) return;
  grace_deadline_ = deadline;
  grace_.start(services_.loop, grace, [this] { force(); });
}

// Until the first process is gone; what it leaves is killed then. A process that was cloned into the cgroup at the very
// moment of a kill is caught by the next.
void App::force() {
  grace_.cancel();
  if (child_ == nullptr) return;
  if (cgroup_ != nullptr) cgroup_->kill();
  (void)child_->signal(SIGKILL);
  force_.start(services_.loop, force_again, [this] { force(); });
}

void App::remove(ReplyTo to) {
  if (stage_ == Stage::starting || stage_ == Stage::running) {
    return reply_error(to, {EBUSY, "delete", id_, "the app runs; stop it first"});
  }
  delete_waiters_.push_back(to);
  switch (stage_) {
    case Stage::exited: return forgotten();
    case Stage::created: return force();
    case Stage::barrier:
    case Stage::preparing: return forget();
    default: return;  // on its way out: finished() or forgotten() answers
  }
}

void App::answer_waiting() {
  for (const ReplyTo to : std::exchange(stop_waiters_, {})) {
    services_.reply(to, contract::encode_stopped(to.request, {state()}));
  }
  if (delete_waiters_.empty()) return;
  for (const ReplyTo to : std::exchange(delete_waiters_, {})) reply_done(to);
  if (stage_ == Stage::exited) services_.forget_app(*this);
}

void App::update(ReplyTo to, const std::string& resources_json) {
  if (cgroup_ == nullptr || stage_ == Stage::ending || gone()) {
    return reply_error(to, stage_ == Stage::barrier ? not_now("update") : Error{ESRCH, "update", id_, "the app has exited"});
  }
  auto resources = contract::parse_oci_resources(resources_json);
  if (!resources) return reply_error(to, std::move(resources.error()));
  auto applied = cgroup_->apply(*resources, [this](const std::string& message) { warn(message); });
  applied.ok() ? reply_done(to) : reply_error(to, std::move(applied.error()));
}

void App::reopen_log(ReplyTo to) {
  if (log_ == nullptr) return reply_done(to);
  // The answer may come when this app is gone.
  log_->reopen([&services = services_, to](Result<void> reopened) {
    services.reply(to, reopened.ok() ? contract::encode_done(to.request) : contract::encode_error(to.request, reopened.error()));
  });
}

}  // namespace gantry::keeper
