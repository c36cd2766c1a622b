// Mounts by descriptor (fsopen(2), open_tree(2), move_mount(2), mount_setattr(2)): no path is looked up twice, and
// nothing is visible before it is finished. Linux ≥ 5.10; what needs more says so.
#pragma once

#include <sys/mount.h>

#include <cstdint>
#include <string>

#include "linux/result.h"
#include "linux/unique_fd.h"

namespace gantry {

// A file system on its way from its name to a mount.
class FsContext {
 public:
  static Result<FsContext> open(const std::string& type);
  Result<void> set_string(const std::string& key, const std::string& value);
  Result<void> set_flag(const std::string& key);
  Result<void> set_descriptor(const std::string& key, int fd);
  // Options as mount(8) writes them: "size=64m,mode=1777,nr_inodes=…". A comma in a value is written "\,".
  Result<void> set_options(const std::string& options);
  // The superblock and a mount of it that is attached nowhere; `attributes` are MOUNT_ATTR_*.
  Result<UniqueFd> create(uint64_t attributes);

 private:
  FsContext(UniqueFd fd, std::string type) : fd_(std::move(fd)), type_(std::move(type)) {}
  // errno, with what the kernel logged into the context.
  Error failure(const char* operation, std::string subject) const;

  UniqueFd fd_;
  std::string type_;
};

// A copy of the mount (with `recursive`: of the tree) at `path` below `directory` (AT_FDCWD; or a descriptor of the
// thing itself with an empty path), attached nowhere. It is a peer or a slave of whatever the original is one of.
Result<UniqueFd> clone_mount(int directory, const std::string& path, bool recursive);

// Attaches `mount` on what `target` refers to.
Result<void> attach_mount(int mount, int target, const std::string& name);

// Takes the uppermost mount at `path` away (umount2(2), MNT_DETACH).
Result<void> detach_uppermost(const std::string& path);

struct MountChange {
  uint64_t set = 0, clear = 0;  // MOUNT_ATTR_*
  uint64_t propagation = 0;     // MS_SHARED, MS_SLAVE, MS_PRIVATE or MS_UNBINDABLE; 0: as it is
  int id_map = -1;              // a user namespace (set holds MOUNT_ATTR_IDMAP); only before the mount is attached
  bool recursive = false;
};
// Where the kernel has no mount_setattr (before 5.12) recursive attributes and ID maps are EOPNOTSUPP.
Result<void> change_mount(int mount, const MountChange& change, const std::string& name);

// The attributes that are in force (MOUNT_ATTR_RDONLY, NOSUID, NODEV, NOEXEC, NOSYMFOLLOW and the atime ones).
Result<uint64_t> mount_attributes(int fd);
// The number by which /proc/self/mountinfo knows the mount that `fd` is on.
Result<uint64_t> mount_id(int fd);

// Makes `new_root`, an attached mount's root, the root and working directory of the mount namespace, and lets go of
// the old tree without a trace on its peers.
Result<void> enter_root(int new_root);
// The same in two steps, for the second takes up to a millisecond: the kernel waits until nobody looks at the old tree any
// more. Between them no path but "/.." leads there.
Result<UniqueFd> switch_root(int new_root);
Result<void> leave_old_root(UniqueFd old_root);

}  // namespace gantry
