#pragma once

#include <string>

#include "linux/result.h"
#include "linux/unique_fd.h"

namespace gantry {

// A new network namespace with `lo` up, owned by the user namespace at `userns`, or by the caller's when that is empty.
// The descriptor keeps it alive.
Result<UniqueFd> new_network_namespace(const std::string& userns);

// The same, bound at `path` (a file that must not exist yet: EEXIST), where it stays until remove_namespace().
Result<void> create_network_namespace(const std::string& path, const std::string& userns);

// Binds the namespace that `fd` refers to at `path`, a file that must not exist yet.
Result<void> bind_namespace(int fd, const std::string& path);

// Unmounts what is bound at `path` and removes the file. Idempotent.
Result<void> remove_namespace(const std::string& path);

}  // namespace gantry
