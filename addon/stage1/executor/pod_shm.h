// The tmpfs that a pod's apps share as /dev/shm. No process lives with it: descriptors hold it.
#pragma once

#include "stage1/executor/executor.h"

namespace gantry::executor {

// Fills sandbox.shm, or on older kernels sandbox.shm_namespace. `owner_uid` and `owner_gid` are the pod's root on the
// host.
Result<void> make_pod_shm(PodSandbox& sandbox, uint64_t size, uid_t owner_uid, gid_t owner_gid);
// A mount of it, attached nowhere; invalid where the pod has none.
Result<UniqueFd> clone_pod_shm(const PodSandbox& sandbox);

}  // namespace gantry::executor
