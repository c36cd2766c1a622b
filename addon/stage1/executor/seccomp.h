#pragma once

#include <optional>
#include <string>

#include "linux/proc_dir.h"
#include "linux/seccomp_filter.h"
#include "stage1/contract/oci_spec.h"
#include "stage1/executor/hooks.h"

namespace gantry::executor {

// linux.seccomp, compiled; nothing is loaded yet.
struct Seccomp {
  SeccompProgram program;
  unsigned flags = 0;  // SECCOMP_FILTER_FLAG_*
  // For SCMP_ACT_NOTIFY: who gets the listener, and what he is told with it.
  std::string listener_path, listener_metadata, listener_greeting;
  UniqueFd listener;  // the connection to him
};

// Reaches the agent at listenerPath while the host's paths are in sight; he is told that `state` asks for him.
Result<void> connect_listener(Seccomp& seccomp, const ProcDir& proc, const HookState& state);
// Loads the filter, and hands its listener to the agent.
Result<void> load_seccomp(const Seccomp& seccomp);

// An empty program where there is no profile.
Result<Seccomp> compile_seccomp(const std::optional<contract::OciSeccomp>& profile);

// Only what the profile says: without the ENOSYS for calls that are newer than the profile. For its tests.
Result<SeccompProgram> compile_seccomp_strictly(const contract::OciSeccomp& profile);

}  // namespace gantry::executor
