// mount(8)'s options as the runtime specification lists them (config.md, "Linux mount options"), sorted by what
// executes them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "linux/result.h"

namespace gantry::executor {

struct MountOptions {
  bool bind = false, recursive = false;
  bool remount = false;
  bool copy_up = false;  // tmpcopyup
  bool id_map = false, id_map_recursive = false;
  uint64_t set = 0, clear = 0;            // MOUNT_ATTR_*, of the mount
  uint64_t tree_set = 0, tree_clear = 0;  // of the mount and all below it (rro …)
  uint64_t propagation = 0;               // MS_*, one of the four; 0: not said
  bool propagation_recursive = false;
  std::vector<std::string> superblock;  // flags of the file system: sync, dirsync, lazytime …
  std::string data;                     // everything else, for the file system itself
};

MountOptions parse_mount_options(const std::vector<std::string>& options);

}  // namespace gantry::executor
