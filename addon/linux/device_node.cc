#include "linux/device_node.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace gantry {

Result<void> make_node(int directory, const std::string& name, const DeviceNode& node) {
  if (::mknodat(directory, name.c_str(), node.mode, ::makedev(node.major, node.minor)) < 0)
    return errno_error("mknod", name);
  if (::fchownat(directory, name.c_str(), node.uid, node.gid, AT_SYMLINK_NOFOLLOW) < 0)
    return errno_error("chown", name);
  // After the chown, which clears setuid bits; and free of the umask.
  if (::fchmodat(directory, name.c_str(), node.mode & 07777, 0) < 0) return errno_error("chmod", name);
  return {};
}

}  // namespace gantry
