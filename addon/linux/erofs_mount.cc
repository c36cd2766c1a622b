#include "linux/erofs_mount.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

#include "linux/unique_fd.h"

namespace gantry {

namespace {

// The new mount API by number: its constants are in <linux/mount.h>, which has clashed with <sys/mount.h>, and in the
// latter only since glibc 2.36.
constexpr unsigned kFsopenCloexec = 1;
constexpr unsigned kSetFlag = 0;
constexpr unsigned kSetString = 1;
constexpr unsigned kCreate = 6;
constexpr unsigned kFsmountCloexec = 1;
constexpr unsigned kReadOnly = 1;
constexpr unsigned kMoveFromEmptyPath = 4;

struct MountAttributes {
  uint64_t set;
  uint64_t clear;
  uint64_t propagation;
  uint64_t userns_fd;
};

int configure(int fs, unsigned command, const char* key, const char* value) {
  return static_cast<int>(::syscall(SYS_fsconfig, fs, command, key, value, 0));
}

// What the kernel wrote about the failure of a call on `fs`: "e erofs: …" lines.
std::string kernel_message(int fs) {
  char text[256];
  const ssize_t length = ::read(fs, text, sizeof text - 1);
  return length > 2 ? std::string(text + 2, static_cast<size_t>(length) - 2) : std::string();
}

// A superblock of `source`, as a mount that is attached nowhere yet.
Result<UniqueFd> open_erofs(const std::string& source, bool direct) {
  const UniqueFd fs(static_cast<int>(::syscall(SYS_fsopen, "erofs", kFsopenCloexec)));
  if (!fs.valid()) return errno_error("fsopen erofs", source, "this kernel has no EROFS (CONFIG_EROFS_FS)");
  if (configure(fs.get(), kSetString, "source", source.c_str()) != 0 ||
      configure(fs.get(), kSetFlag, "ro", nullptr) != 0 ||
      (direct && configure(fs.get(), kSetFlag, "directio", nullptr) != 0) ||
      configure(fs.get(), kCreate, nullptr, nullptr) != 0) {
    const int code = errno;
    return Error{code, "mount erofs", source, kernel_message(fs.get())};
  }
  UniqueFd mount(static_cast<int>(::syscall(SYS_fsmount, fs.get(), kFsmountCloexec, kReadOnly)));
  if (!mount.valid()) return errno_error("fsmount", source);
  return mount;
}

Result<UniqueFd> configure_loop(int number, int backing, uint32_t flags) {
  const std::string path = "/dev/loop" + std::to_string(number);
  UniqueFd loop(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!loop.valid()) return errno_error("open", path);
  struct loop_config config {};
  config.fd = static_cast<uint32_t>(backing);
  config.info.lo_flags = flags;
  if (::ioctl(loop.get(), LOOP_CONFIGURE, &config) != 0) return errno_error("configure loop device", path);
  return loop;
}

// Mounts through a loop device. Somebody else may take the free device first: EBUSY means try the next.
Result<UniqueFd> open_by_loop(const std::string& file) {
  const UniqueFd backing(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!backing.valid()) return errno_error("open", file);
  const UniqueFd control(::open("/dev/loop-control", O_RDWR | O_CLOEXEC));
  if (!control.valid()) return errno_error("open", "/dev/loop-control", "neither file-backed mounts nor loop devices");
  uint32_t flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO;
  for (int attempt = 0; attempt < 64; ++attempt) {
    const int number = ::ioctl(control.get(), LOOP_CTL_GET_FREE);
    if (number < 0) return errno_error("find a free loop device", file);
    auto loop = configure_loop(number, backing.get(), flags);
    // The device stays busy through the mount; our own descriptor closes when it is mounted, or clears it when it is not.
    if (loop) return open_erofs("/dev/loop" + std::to_string(number), false);
    if (loop.error().code == EINVAL && (flags & LO_FLAGS_DIRECT_IO) != 0) {
      flags &= ~static_cast<uint32_t>(LO_FLAGS_DIRECT_IO);
    } else if (loop.error().code != EBUSY) {
      return loop;
    }
  }
  return Error{EBUSY, "configure loop device", file, "64 devices in a row were taken"};
}

// Errors that speak of the way of mounting, not of the image: worth another way.
bool other_way(int code) {
  return code == ENOTBLK || code == EINVAL || code == EOPNOTSUPP || code == ENOSYS;
}

Result<UniqueFd> open_any_way(const std::string& file) {
  auto mount = open_erofs(file, true);
  if (!mount && other_way(mount.error().code)) mount = open_erofs(file, false);
  if (mount || !other_way(mount.error().code)) return mount;
  return open_by_loop(file);
}

}  // namespace

Result<void> mount_erofs(const std::string& file, const std::string& target) {
  auto mount = open_any_way(file);
  if (!mount) return std::move(mount.error());
  if (::syscall(SYS_move_mount, mount->get(), "", AT_FDCWD, target.c_str(), kMoveFromEmptyPath) != 0) {
    return errno_error("attach mount", target);
  }
  // Below a shared mount the new one became shared as well.
  MountAttributes attributes{};
  attributes.propagation = MS_PRIVATE;
  ::syscall(SYS_mount_setattr, mount->get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes);
  return {};
}

Result<void> detach_mount(const std::string& target) {
  while (::umount2(target.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) continue;
  if (errno == EINVAL || errno == ENOENT) return {};
  return errno_error("unmount", target);
}

}  // namespace gantry
