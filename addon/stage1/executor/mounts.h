// spec.mounts, executed in order (config.md, "Mounts").
#pragma once

#include "stage1/contract/oci_spec.h"
#include "stage1/executor/app_setup.h"

namespace gantry::executor {

// A mount with this source is the tmpfs that the pod's apps share.
inline constexpr const char* pod_shm_source = "gantry:shm";

Result<void> make_mounts(AppSetup& setup);
// One of them; devices and cgroups make theirs through it too.
Result<void> attach_at(const AppSetup& setup, int mount, const std::string& destination, RootDir::Kind kind);
// What had to stay writable until now.
Result<void> apply_read_only(AppSetup& setup);

}  // namespace gantry::executor
