// The ways out: an exit, a failed creation, a barrier that lost its caller. Whatever the way, no process, cgroup or
// descriptor of the app is left at its end.
#include <algorithm>
#include <csignal>
#include <utility>

#include "linux/clock.h"
#include "stage1/deadlines.h"
#include "stage1/keeper/app.h"

namespace gantry::keeper {

namespace {

}  // namespace

// The answer waits until nothing is left, so that a retry finds nothing in its way.
void App::fail(ReplyTo to, Error error) {
  failure_ = std::move(error);
  pending_ = to;
  forget();
}

void App::forget() {
  if (stage_ == Stage::forgetting) return;
  stage_ = Stage::forgetting;
  if (child_ != nullptr) {
    (void)child_->signal(SIGKILL);  // child_exited() goes on
    force_.start(services_.loop, deadlines::kill_app, [this] { leave_child(); });
  } else {
    remove_cgroups([this] { forgotten(); });
  }
}

// It hangs in a mount, of a file system that does not answer, and no signal ends that. It has run nothing of the container's,
// and dies when it wakes.
void App::leave_child() {
  warn("process " + std::to_string(state_.pid) + " of the app cannot be killed (uninterruptible sleep?) and is left alone");
  services_.loop.dispose(std::move(child_));
  remove_cgroups([this] { forgotten(); });
}

void App::connection_closed(uint64_t connection) {
  if (stage_ == Stage::barrier && holder_.connection == connection) forget();
}

void App::child_exited(ExitStatus status) {
  services_.loop.dispose(std::move(child_));
  grace_.cancel();
  force_.cancel();
  if (stage_ == Stage::barrier || stage_ == Stage::preparing) {
    stage_ = Stage::forgetting;
    if (!failure_) failure_ = early_end("continue", "the process ended before it was prepared", status);
  }
  if (stage_ == Stage::forgetting) {
    kill_rest([this] { remove_cgroups([this] { run_poststop([this] { forgotten(); }); }); });
  } else {
    begin_ending(status);
  }
}

bool App::oom_killed() const { return cgroup_ != nullptr && cgroup_->oom_kills() > 0; }

// A limit too small for the set-up itself is the commonest cause ("128m" is 0.128 bytes).
Error App::early_end(const char* operation, const char* what, const ExitStatus& status) const {
  if (status.signal == SIGKILL && oom_killed()) {
    return {EINVAL, "set", "memory.limit",
            std::string(what) + ", killed for want of memory: the limit is too small for any process"};
  }
  return {ECHILD, operation, id_, std::string(what) + ", with code " + std::to_string(status.code)};
}

void App::begin_ending(ExitStatus status) {
  // Start is answered when nothing is left, see finished().
  if (stage_ == Stage::starting && !failure_) failure_ = early_end("start", "the process ended before its exec", status);
  stage_ = Stage::ending;
  services_.app_ending(*this);
  state_.phase = contract::AppPhase::exited;
  state_.finished_at = std::max(realtime_now(), std::max(state_.started_at, state_.created_at));
  state_.exit_code = status.code;
  state_.signal = status.signal;
  state_.oom_killed = oom_killed();
  record(false);
  kill_rest([this] { drain_and_finish(); });
}

void App::kill_rest(std::function<void()> then) {
  if (cgroup_ == nullptr) return then();
  const auto attempt = [this] {
    if (!cgroup_->populated()) return true;
    cgroup_->kill();
    return false;
  };
  killing_.start(services_.loop, deadlines::kill_app, attempt, [this, then = std::move(then)](bool empty) {
    if (!empty) warn("processes of the app cannot be killed (uninterruptible sleep?); its exit is reported without them");
    then();
  });
}

void App::drain_and_finish() {
  if (io_ == nullptr) return run_poststop([this] { finished(); });
  io_->drain([this] {
    state_.oom_killed = state_.oom_killed || oom_killed();
    services_.loop.dispose(std::move(io_));
    const auto go_on = [this] { remove_cgroups([this] { run_poststop([this] { finished(); }); }); };
    log_ == nullptr ? go_on() : log_->settle(go_on);
  });
}

void App::remove_cgroups(std::function<void()> then) {
  if (cgroup_ == nullptr) return then();
  const auto attempt = [this] { return cgroup_->remove().ok(); };
  removing_.start(services_.loop, deadlines::remove_cgroup, attempt, [this, then = std::move(then)](bool removed) {
    if (!removed) warn("its cgroups cannot be removed: " + cgroup_->remove().error().describe());
    cgroup_.reset();
    then();
  });
}

// Of an app whose creation hooks may have run. What ended is reported after them, as its peers do.
void App::run_poststop(std::function<void()> then) {
  if (hooks_ == nullptr || !passed_barrier_) return then();
  hooks_->poststop(std::move(then));
}

void App::finished() {
  stage_ = Stage::exited;
  record(true);
  // An app that is started again opens it again.
  if (log_ != nullptr) services_.loop.dispose(std::move(log_));
  services_.tidy_later();
  if (failure_) {
    if (alone_) warn("the app cannot be started: " + failure_->describe());
    reply_error(std::exchange(pending_, {}), *std::exchange(failure_, std::nullopt));
  }
  services_.broadcast(contract::encode_app_exited(state()));
  answer_waiting();
  services_.app_exited(*this);
}

void App::forgotten() {
  state_.phase = contract::AppPhase::exited;
  if (io_ != nullptr) services_.loop.dispose(std::move(io_));
  std::optional<Error> untold;
  if (pending_.connection != 0 || creating_.connection != 0) {
    const Error unknown{ECANCELED, "create", id_, "the app was given up"};
    for (ReplyTo* to : {&creating_, &pending_}) {
      if (to->connection != 0) reply_error(std::exchange(*to, {}), failure_.value_or(unknown));
    }
  } else if (alone_ && failure_) {
    warn("the app cannot be made: " + failure_->describe());
  } else {
    untold = std::move(failure_);
  }
  answer_waiting();
  services_.forget_app(*this, std::move(untold));
  for (const auto& then : std::exchange(forgotten_, {})) then();
}

}  // namespace gantry::keeper
