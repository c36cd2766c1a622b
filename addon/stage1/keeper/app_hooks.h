// The OCI hooks of an app that stage1 itself has to run: poststart and poststop (config.md, "POSIX-platform Hooks"). They
// run in a child of stage1's, in its namespaces and cgroup, while stage1 goes on.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "stage1/contract/oci_spec.h"
#include "stage1/executor/hooks.h"
#include "stage1/keeper/child.h"
#include "stage1/keeper/services.h"

namespace gantry::keeper {

class AppHooks : private Child::Listener {
 public:
  // Null for an app that has none.
  static std::unique_ptr<AppHooks> of(Services& services, const contract::AppManifest& app,
                                      const contract::OciSpec& spec);

  using Done = std::function<void(std::optional<Error> failure)>;
  // The first that fails ends it.
  void poststart(pid_t app_pid, Done done);
  // Each is run, whatever became of the one before: a failure is a warning. Waits for poststart hooks that still run.
  void poststop(std::function<void()> done);

 private:
  AppHooks(Services& services, const contract::AppManifest& app, const contract::OciSpec& spec);
  void child_console(UniqueFd) override {}
  void child_warning(const std::string& message) override { services_.warn(state_.id, message); }
  void child_prepared() override {}
  void child_running() override {}
  void child_failed(Error error) override { failure_ = std::move(error); }
  void child_exited(ExitStatus status) override;

  void start(const char* kind, std::vector<contract::OciHook> hooks, Done done);
  void next_poststop(std::function<void()> done);

  Services& services_;
  executor::HookState state_;
  std::vector<contract::OciHook> poststart_, poststop_;
  std::unique_ptr<Child> child_;
  Done done_;
  std::optional<Error> failure_;
  std::function<void()> waiting_;
};

}  // namespace gantry::keeper
