// Whole directory trees, of any size: they are for processes that somebody is ready to kill.
#pragma once

#include <cstdint>
#include <string>

#include "linux/result.h"

namespace gantry {

struct TreeUsage {
  uint64_t bytes = 0;  // on disk
  uint64_t inodes = 0;  // each once, however many names it has
};
// What vanishes meanwhile is not counted; an absent path is empty.
Result<TreeUsage> tree_usage(const std::string& path);

// rm -rf that stays in one file system and follows no link: EBUSY for what is a mount point. An absent path is removed already.
Result<void> remove_tree(const std::string& path);

}  // namespace gantry
