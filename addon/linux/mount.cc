#include "linux/mount.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string_view>

#include "linux/kernel_age.h"

namespace gantry {

namespace {

constexpr uint64_t atime_bits = MOUNT_ATTR__ATIME;

// mount(2)'s flags for a bind-remount that leaves exactly `attributes` in force.
unsigned long remount_flags(uint64_t attributes) {
  unsigned long flags = MS_REMOUNT | MS_BIND;
  if (attributes & MOUNT_ATTR_RDONLY) flags |= MS_RDONLY;
  if (attributes & MOUNT_ATTR_NOSUID) flags |= MS_NOSUID;
  if (attributes & MOUNT_ATTR_NODEV) flags |= MS_NODEV;
  if (attributes & MOUNT_ATTR_NOEXEC) flags |= MS_NOEXEC;
  if (attributes & MOUNT_ATTR_NODIRATIME) flags |= MS_NODIRATIME;
  if (attributes & MOUNT_ATTR_NOSYMFOLLOW) flags |= 256;  // MS_NOSYMFOLLOW
  switch (attributes & atime_bits) {
    case MOUNT_ATTR_NOATIME:
      return flags | MS_NOATIME;
    case MOUNT_ATTR_STRICTATIME:
      return flags | MS_STRICTATIME;
    default:
      return flags | MS_RELATIME;
  }
}

// mount(2) knows no descriptors: the working directory stands in for one. For a file, which it cannot be, it is a new
// /proc (this process's own may be covered), where the descriptor has a name. The path from there.
Result<std::string> work_in(int mount, const std::string& name) {
  if (::fchdir(mount) == 0) return std::string(".");
  if (errno != ENOTDIR) return errno_error("fchdir", name);
  auto context = FsContext::open("proc");
  if (!context) return context.error();
  auto proc = context->create(0);
  if (!proc) return proc.error();
  if (::fchdir(proc->get()) < 0) return errno_error("fchdir", "proc");
  return "thread-self/fd/" + std::to_string(mount);
}

// The working directory is put back.
Result<void> change_with_mount(int mount, const MountChange& change, const std::string& name) {
  const bool only_propagation = (change.set | change.clear) == 0;
  if (change.id_map >= 0 || (change.recursive && !only_propagation)) {
    return Error{EOPNOTSUPP, "mount_setattr", name, "recursive mount attributes and ID-mapped mounts need Linux 5.12"};
  }
  UniqueFd before(::open(".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  auto now = mount_attributes(mount);
  if (!now) return now.error();
  auto path = work_in(mount, name);
  if (!path) return path.error();
  Result<void> result;
  if (!only_propagation) {
    const uint64_t attributes = (*now & ~change.clear) | change.set;
    if (::mount(nullptr, path->c_str(), nullptr, remount_flags(attributes), nullptr) < 0)
      result = errno_error("remount", name);
  }
  if (result && change.propagation != 0) {
    const unsigned long flags = change.propagation | (change.recursive ? 0UL + MS_REC : 0UL);
    if (::mount(nullptr, path->c_str(), nullptr, flags, nullptr) < 0)
      result = errno_error("mount", name, "changing propagation");
  }
  if (::fchdir(before.get()) < 0 && result) result = errno_error("fchdir", ".");
  return result;
}

}  // namespace

Result<FsContext> FsContext::open(const std::string& type) {
  UniqueFd fd(::fsopen(type.c_str(), FSOPEN_CLOEXEC));
  if (!fd.valid()) {
    return errno_error("fsopen", type, errno == ENODEV ? "the kernel does not know this file system type" : "");
  }
  return FsContext(std::move(fd), type);
}

Error FsContext::failure(const char* operation, std::string subject) const {
  Error error = errno_error(operation, type_ + (subject.empty() ? "" : " " + subject));
  char line[512];
  for (ssize_t length; (length = ::read(fd_.get(), line, sizeof line)) > 0;) {
    std::string_view text(line, static_cast<size_t>(length));
    if (text.size() > 2 && text[1] == ' ') text.remove_prefix(2);  // "e ": its severity
    while (text.ends_with('\n')) text.remove_suffix(1);
    if (!error.message.empty()) error.message += "; ";
    error.message += text;
  }
  return error;
}

Result<void> FsContext::set_string(const std::string& key, const std::string& value) {
  if (::fsconfig(fd_.get(), FSCONFIG_SET_STRING, key.c_str(), value.c_str(), 0) == 0) return {};
  return failure("fsconfig", key + "=" + value);
}

Result<void> FsContext::set_flag(const std::string& key) {
  if (::fsconfig(fd_.get(), FSCONFIG_SET_FLAG, key.c_str(), nullptr, 0) == 0) return {};
  return failure("fsconfig", key);
}

Result<void> FsContext::set_descriptor(const std::string& key, int fd) {
  if (::fsconfig(fd_.get(), FSCONFIG_SET_FD, key.c_str(), nullptr, fd) == 0) return {};
  return failure("fsconfig", key);
}

Result<void> FsContext::set_options(const std::string& options) {
  std::string word;
  for (size_t i = 0; i <= options.size(); ++i) {
    if (i < options.size() && options[i] == '\\' && i + 1 < options.size() && options[i + 1] == ',') {
      word += options[++i];
    } else if (i < options.size() && options[i] != ',') {
      word += options[i];
    } else if (!word.empty()) {
      const size_t equals = word.find('=');
      GANTRY_TRY(equals == std::string::npos ? set_flag(word)
                                             : set_string(word.substr(0, equals), word.substr(equals + 1)));
      word.clear();
    }
  }
  return {};
}

Result<UniqueFd> FsContext::create(uint64_t attributes) {
  if (::fsconfig(fd_.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) < 0) return failure("mount", "");
  UniqueFd mount(::fsmount(fd_.get(), FSMOUNT_CLOEXEC, static_cast<unsigned>(attributes)));
  if (!mount.valid()) return failure("fsmount", "");
  return mount;
}

Result<UniqueFd> clone_mount(int directory, const std::string& path, bool recursive) {
  const unsigned flags =
      OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0U) | (path.empty() ? AT_EMPTY_PATH : 0U);
  UniqueFd fd(::open_tree(directory, path.c_str(), flags));
  if (!fd.valid()) return errno_error("open_tree", path);
  return fd;
}

Result<void> attach_mount(int mount, int target, const std::string& name) {
  if (::move_mount(mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) == 0) return {};
  Error error = errno_error("move_mount", name);
  struct stat one {
  }, other{};
  if (::fstat(mount, &one) == 0 && ::fstat(target, &other) == 0 && S_ISDIR(one.st_mode) != S_ISDIR(other.st_mode)) {
    error.code = ENOTDIR;
    error.message = "a directory can be mounted only on a directory, a file only on a file";
  }
  return error;
}

Result<void> detach_uppermost(const std::string& path) {
  if (::umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) < 0) return errno_error("umount2", path);
  return {};
}

Result<void> change_mount(int mount, const MountChange& change, const std::string& name) {
  if (pretend_old_kernel && change.id_map < 0) return change_with_mount(mount, change, name);
  mount_attr attributes{};
  attributes.attr_set = change.set;
  // The kernel takes an access-time attribute only together with a cleared field.
  attributes.attr_clr = change.clear | ((change.set | change.clear) & atime_bits ? atime_bits : 0);
  attributes.propagation = change.propagation;
  if (change.id_map >= 0) attributes.userns_fd = static_cast<uint64_t>(change.id_map);
  const unsigned flags = AT_EMPTY_PATH | (change.recursive ? AT_RECURSIVE : 0U);
  if (::mount_setattr(mount, "", flags, &attributes, sizeof attributes) == 0) return {};
  if (errno == ENOSYS) return change_with_mount(mount, change, name);
  return errno_error("mount_setattr", name);
}

Result<uint64_t> mount_attributes(int fd) {
  struct statvfs status {};
  if (::fstatvfs(fd, &status) < 0) return errno_error("fstatvfs");
  uint64_t attributes = 0;
  if (status.f_flag & ST_RDONLY) attributes |= MOUNT_ATTR_RDONLY;
  if (status.f_flag & ST_NOSUID) attributes |= MOUNT_ATTR_NOSUID;
  if (status.f_flag & ST_NODEV) attributes |= MOUNT_ATTR_NODEV;
  if (status.f_flag & ST_NOEXEC) attributes |= MOUNT_ATTR_NOEXEC;
  if (status.f_flag & ST_NODIRATIME) attributes |= MOUNT_ATTR_NODIRATIME;
  if (status.f_flag & 0x2000) attributes |= MOUNT_ATTR_NOSYMFOLLOW;  // ST_NOSYMFOLLOW
  if (status.f_flag & ST_NOATIME) {
    attributes |= MOUNT_ATTR_NOATIME;
  } else if (!(status.f_flag & ST_RELATIME)) {
    attributes |= MOUNT_ATTR_STRICTATIME;
  }
  return attributes;
}

Result<uint64_t> mount_id(int fd) {
  struct statx status {};
  if (::statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &status) < 0) return errno_error("statx");
  return status.stx_mnt_id;
}

Result<UniqueFd> switch_root(int new_root) {
  UniqueFd old_root(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!old_root.valid()) return errno_error("open", "/");
  if (::fchdir(new_root) < 0) return errno_error("fchdir", "the container's root");
  if (::syscall(SYS_pivot_root, ".", ".") < 0) {
    return errno_error(
        "pivot_root", "the container's root",
        errno == EINVAL ? "stage1's own root must be a mount point that is not shared with a parent" : "");
  }
  if (::fchdir(old_root.get()) < 0) return errno_error("fchdir", "the old root");
  // Its mounts may be peers of the host's: as slaves they can go without taking those along.
  if (::mount(nullptr, ".", nullptr, MS_SLAVE | MS_REC, nullptr) < 0) return errno_error("mount", "the old root");
  if (::chdir("/") < 0) return errno_error("chdir", "/");
  return old_root;
}

Result<void> leave_old_root(UniqueFd old_root) {
  if (::fchdir(old_root.get()) < 0) return errno_error("fchdir", "the old root");
  if (::umount2(".", MNT_DETACH) < 0) return errno_error("umount2", "the old root");
  if (::chdir("/") < 0) return errno_error("chdir", "/");
  return {};
}

Result<void> enter_root(int new_root) {
  auto old_root = switch_root(new_root);
  return old_root ? leave_old_root(std::move(*old_root)) : old_root.error();
}

}  // namespace gantry
