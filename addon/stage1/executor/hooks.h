// OCI hooks (config.md, "POSIX-platform Hooks"). Each program gets the container's state as JSON on its stdin and runs
// to its end before the next one starts.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "linux/result.h"
#include "stage1/executor/executor.h"

namespace gantry::executor {

// What runtime.md calls the state.
struct HookState {
  std::string id;
  std::string status;  // "creating", "created", "running", "stopped"
  pid_t pid = 0;       // 0: left out
  std::string bundle;
  std::map<std::string, std::string> annotations;
};

std::string state_json(const HookState& state);
// What an agent for SCMP_ACT_NOTIFY is told of a process (config-linux.md, "The Container Process State").
std::string process_state_json(const HookState& state, pid_t pid, const std::string& metadata);

// Blocks. The first hook that fails ends it; the error carries what the hook wrote. `default_env` is for hooks without
// one.
Result<void> run_hooks(const std::string& kind, const std::vector<contract::OciHook>& hooks, const HookState& state,
                       const std::vector<std::string>& default_env = {});

// The same in a child of the caller's, for the keeper, which must not wait (poststart, poststop): its `sync` says
// `failed`, or just ends. Needs no command; to be reaped like any other.
Result<ChildProcess> start_hooks(const std::string& kind, const std::vector<contract::OciHook>& hooks,
                                 const HookState& state);

}  // namespace gantry::executor
