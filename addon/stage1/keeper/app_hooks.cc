#include "stage1/keeper/app_hooks.h"

#include <utility>

namespace gantry::keeper {

namespace {

// Seconds for a hook that names no time-out: a start, or an exit's report, waits for it.
constexpr int32_t usual_timeout = 30;

std::vector<contract::OciHook> with_timeouts(std::vector<contract::OciHook> hooks) {
  for (contract::OciHook& hook : hooks) hook.timeout = hook.timeout.value_or(usual_timeout);
  return hooks;
}

}  // namespace

std::unique_ptr<AppHooks> AppHooks::of(Services& services, const contract::AppManifest& app,
                                       const contract::OciSpec& spec) {
  if (spec.hooks.poststart.empty() && spec.hooks.poststop.empty()) return nullptr;
  return std::unique_ptr<AppHooks>(new AppHooks(services, app, spec));
}

AppHooks::AppHooks(Services& services, const contract::AppManifest& app, const contract::OciSpec& spec)
    : services_(services),
      state_{app.id, {}, 0, app.directory, spec.annotations},
      poststart_(with_timeouts(spec.hooks.poststart)),
      poststop_(with_timeouts(spec.hooks.poststop)) {}

void AppHooks::poststart(pid_t app_pid, Done done) {
  state_.status = "running";
  state_.pid = app_pid;
  start("poststart", std::exchange(poststart_, {}), std::move(done));
}

void AppHooks::poststop(std::function<void()> done) {
  if (child_ != nullptr) {
    waiting_ = [this, done = std::move(done)] { poststop(done); };
    return;
  }
  state_.status = "stopped";
  state_.pid = 0;
  next_poststop(std::move(done));
}

void AppHooks::next_poststop(std::function<void()> done) {
  if (poststop_.empty()) return done();
  const contract::OciHook hook = poststop_.front();
  poststop_.erase(poststop_.begin());
  start("poststop", {hook}, [this, done = std::move(done)](const std::optional<Error>& failure) {
    if (failure) services_.warn(state_.id, failure->describe());
    next_poststop(done);
  });
}

void AppHooks::start(const char* kind, std::vector<contract::OciHook> hooks, Done done) {
  if (hooks.empty()) return done(std::nullopt);
  failure_.reset();
  auto process = executor::start_hooks(kind, hooks, state_);
  if (!process) return done(process.error());
  auto child = Child::adopt(services_.loop, std::move(*process), *this);
  if (!child) return done(child.error());
  child_ = std::move(*child);
  done_ = std::move(done);
}

void AppHooks::child_exited(ExitStatus status) {
  services_.loop.dispose(std::move(child_));
  if (!failure_ && status.code != 0) {
    failure_ = Error{ECHILD, "run", "hooks", "the process that ran them ended with code " + std::to_string(status.code)};
  }
  std::exchange(done_, {})(std::exchange(failure_, std::nullopt));
  if (waiting_) std::exchange(waiting_, {})();
}

}  // namespace gantry::keeper
