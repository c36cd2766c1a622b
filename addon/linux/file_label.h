#pragma once

#include <string>

#include "linux/result.h"

namespace gantry {

// SELinux's label of the directory that `fd` refers to (O_PATH suffices). A file system that holds no labels is no
// error.
Result<void> label_directory(int fd, const std::string& label);

}  // namespace gantry
