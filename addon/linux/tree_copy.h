#pragma once

#include <string>

#include "linux/result.h"

namespace gantry {

// Copies what is in the directory `from` into the empty directory `to`: files (with their holes), directories, symbolic
// links and special files with owner, mode, times and extended attributes; hard links among them. Device nodes that this
// process may not make are left out. Does not leave the mount that `from` is on, and follows no link. `name`
// is for messages.
Result<void> copy_tree(int from, int to, const std::string& name);
// The same with the owner, mode and so on of `from` itself.
Result<void> copy_whole_tree(int from, int to, const std::string& name);

Result<bool> is_empty_directory(int directory, const std::string& name);

}  // namespace gantry
