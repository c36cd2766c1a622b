#pragma once

#include <string>

#include "linux/result.h"

namespace gantry {

// Makes the directory that network namespaces are bound in (/run/netns), as ip-netns(8) does: mode 0755, and a mount
// point of its own with shared propagation, whatever the propagation of the mount that it lies on. Containers and plug-ins
// that have mounted the directory as its slaves or peers see each namespace come and go. Idempotent, and one system call
// where it is done; at the same time `ip netns add` may do it too. `old_kernel` (for tests): as before Linux 5.12.
Result<void> make_netns_directory(const std::string& path, bool old_kernel = false);

}  // namespace gantry
