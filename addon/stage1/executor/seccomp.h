#pragma once

#include <optional>
#include <string>

#include "linux/seccomp_filter.h"
#include "stage1/contract/oci_spec.h"

namespace gantry::executor {

// linux.seccomp, compiled; nothing is loaded yet.
struct Seccomp {
  SeccompProgram program;
  unsigned flags = 0;  // SECCOMP_FILTER_FLAG_*
  std::string listener_path, listener_metadata;  // for SCMP_ACT_NOTIFY
};

// An empty program where there is no profile.
Result<Seccomp> compile_seccomp(const std::optional<contract::OciSeccomp>& profile);

// Only what the profile says: without the ENOSYS for calls that are newer than the profile. For its tests.
Result<SeccompProgram> compile_seccomp_strictly(const contract::OciSeccomp& profile);

}  // namespace gantry::executor
