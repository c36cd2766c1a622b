#pragma once

#include <string>

#include "linux/result.h"

namespace gantry {

// Copies what is in the directory `from` into the empty directory `to`: files, directories, symbolic links and special
// files with owner, mode, times and extended attributes. Does not leave the mount that `from` is on. `name` is for
// messages.
Result<void> copy_tree(int from, int to, const std::string& name);

}  // namespace gantry
