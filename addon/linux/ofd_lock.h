#pragma once

#include <string>

#include "linux/result.h"
#include "linux/unique_fd.h"

namespace gantry {

// Open-file-description locks (fcntl(2)): they belong to the open file, so a child that inherits the descriptor keeps
// the lock, and the lock is gone when the last such descriptor is.

// Creates or opens the regular file `path` (mode 0600) and takes its exclusive lock. EAGAIN when somebody holds it.
Result<UniqueFd> take_ofd_lock(const std::string& path);

// Whether somebody holds the lock, asked without ever taking it. False where the file does not exist.
Result<bool> ofd_lock_held(const std::string& path);

}  // namespace gantry
