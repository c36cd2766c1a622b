#pragma once

#include <string>

#include "linux/result.h"

namespace gantry {

// Mounts the EROFS image `file` read-only and private at the existing directory `target`. File-backed where the kernel
// and the file's own file system allow it, with direct I/O if possible (so that no byte is cached twice), else through a
// read-only loop device that clears itself with the mount.
Result<void> mount_erofs(const std::string& file, const std::string& target);

// umount2(MNT_DETACH) of everything mounted right at `target`, which is never followed as a symbolic link. Idempotent.
Result<void> detach_mount(const std::string& target);

}  // namespace gantry
