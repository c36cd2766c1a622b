// Namespaces by descriptor (namespaces(7)).
#pragma once

#include <sched.h>
#include <sys/types.h>

#include <cstdint>
#include <string>

#include "linux/result.h"
#include "linux/unique_fd.h"

namespace gantry {

// The one bound at `path`; EINVAL when that is no namespace of `type` (one CLONE_NEW…).
Result<UniqueFd> open_namespace(const std::string& path, int type);
// The one that a process is in, by its name in /proc/<pid>/ns: "net", "ipc", "uts", "user", "pid", "mnt", "cgroup",
// "time", "pid_for_children". pid 0: this process.
Result<UniqueFd> namespace_of(pid_t pid, const std::string& name);

// setns(2). A pid namespace is joined by the children made from now on.
Result<void> join_namespace(int fd, int type);
// Several at once, of the process behind a pidfd (Linux ≥ 5.8).
Result<void> join_namespaces_of(int pidfd, int types);
// unshare(2).
Result<void> new_namespaces(int types);

// Whether two descriptors are the same namespace.
bool same_namespace(int one, int other);

Result<void> set_host_name(const std::string& name);
Result<void> set_domain_name(const std::string& name);

// A user namespace for ID-mapped mounts that no process lives in. The maps are lines of "inside outside count".
Result<UniqueFd> id_map_namespace(const std::string& uid_map, const std::string& gid_map);

// User and group 0 of the user namespace that was just joined: before, this process is nobody in it.
Result<void> become_namespace_root();

}  // namespace gantry
