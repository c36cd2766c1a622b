// Special files (mknod(2)).
#pragma once

#include <sys/types.h>

#include <string>

#include "linux/result.h"

namespace gantry {

struct DeviceNode {
  mode_t mode = 0;  // type and permissions, whatever the umask
  unsigned major = 0, minor = 0;
  uid_t uid = 0;
  gid_t gid = 0;
};

// EEXIST when there is something of that name.
Result<void> make_node(int directory, const std::string& name, const DeviceNode& node);

}  // namespace gantry
