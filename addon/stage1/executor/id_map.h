// ID-mapped mounts (mount_setattr(2)): the owners on disk appear as those of a user namespace.
#pragma once

#include <vector>

#include "linux/result.h"
#include "linux/unique_fd.h"
#include "stage1/contract/oci_spec.h"
#include "stage1/executor/mount_options.h"

namespace gantry::executor {

// Gives `mount`, not attached yet, the maps that `wanted` asks for; without any, those of the pod's user namespace.
Result<void> map_ids(int mount, const contract::OciMount& wanted, const MountOptions& options, int pod_user_namespace);

// A user namespace of the mappings that `wanted` has itself; invalid where it has none.
Result<UniqueFd> own_maps(const contract::OciMount& wanted);

// Gives it the pod's own maps.
Result<void> map_ids_of_pod(int mount, bool recursive, int pod_user_namespace, const std::string& name);

}  // namespace gantry::executor
