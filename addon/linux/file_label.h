#pragma once

#include <string>

#include "linux/result.h"

namespace gantry {

// SELinux's label of the directory that `fd` refers to (O_PATH suffices). A file system that holds no labels is no
// error.
Result<void> label_directory(int fd, const std::string& label);

// SELinux's label of `path` and everything below it, whatever it is; symbolic links are labelled, never followed, also when
// the tree changes meanwhile. What has the label already is not written to, what has vanished is passed over, and so is
// a file system that holds no labels, or has one for all of it (mounted with context=). `path` itself is last: it tells
// whether all of it was done.
Result<void> label_tree(const std::string& path, const std::string& label);

}  // namespace gantry
