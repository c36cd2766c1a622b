#pragma once

#include "stage1/contract/oci_spec.h"
#include "stage1/executor/app_setup.h"
#include "stage1/executor/mount_options.h"

namespace gantry::executor {

// A mount of type `cgroup`: the container's own part of each hierarchy, whatever the host's layout (v1, v2, both). On a
// hybrid host the container sees the v1 hierarchies, as under runc.
Result<void> mount_cgroups(AppSetup& setup, const contract::OciMount& wanted, const MountOptions& options);

}  // namespace gantry::executor
