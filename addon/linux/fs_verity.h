#pragma once

#include <string>

#include "linux/result.h"

namespace gantry {

// fs-verity (Documentation/filesystems/fsverity.rst). ENOTTY, ENOSYS and EOPNOTSUPP all come back as EOPNOTSUPP: the file
// system or the kernel has no fs-verity.

// Seals a file by SHA-256 over 4 KiB blocks. `fd` is open read-only and nobody has it open for writing. EEXIST: it is sealed.
Result<void> enable_verity(int fd);

// "sha256:<hex>" as the kernel measured it; ENODATA when the file is not sealed.
Result<std::string> measure_verity(int fd);

}  // namespace gantry
