#include "linux/netns.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "linux/vfork_spawn.h"

#include "linux/own_thread.h"

namespace gantry {

namespace {

// A child that shares memory and descriptors makes the namespace and leaves an open descriptor of it behind: a thread
// of a multi-threaded process may not join a user namespace, a process may.
struct Birth {
  int userns_fd;
  int result_fd;
  int failed_errno;
  const char* failed_operation;
};

int fail(Birth& birth, const char* operation) {
  birth.failed_errno = errno;
  birth.failed_operation = operation;
  return 1;
}

bool loopback_up() {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  struct ifreq request {};
  std::strncpy(request.ifr_name, "lo", IFNAMSIZ - 1);
  request.ifr_flags = IFF_UP | IFF_RUNNING | IFF_LOOPBACK;
  const bool done = ::ioctl(fd, SIOCSIFFLAGS, &request) == 0;
  const int code = errno;
  ::close(fd);
  errno = code;
  return done;
}

int give_birth(void* argument) {
  auto& birth = *static_cast<Birth*>(argument);
  if (birth.userns_fd >= 0 && ::setns(birth.userns_fd, CLONE_NEWUSER) != 0) return fail(birth, "join user namespace");
  if (::unshare(CLONE_NEWNET) != 0) return fail(birth, "unshare network");
  if (!loopback_up()) return fail(birth, "bring up lo");
  birth.result_fd = ::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  if (birth.result_fd < 0) return fail(birth, "open /proc/self/ns/net");
  return 0;
}

void reap(pid_t pid) {
  while (::waitpid(pid, nullptr, __WALL) < 0 && errno == EINTR) continue;
}

// A mount that somebody stacked over our directory (`ip netns add` binds /run/netns on itself, once) hides our file and
// the kernel says EBUSY. Removed in a mount namespace where it is no mount point, a file takes every mount on it along.
Result<void> remove_hidden(const std::string& path) {
  return run_in_own_thread([&]() -> Result<void> {
    if (::unshare(CLONE_FS | CLONE_NEWNS) != 0) return errno_error("unshare mounts", path);
    ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
    const std::string directory = path.substr(0, path.rfind('/'));
    for (int i = 0; i < 8 && ::unlink(path.c_str()) != 0; ++i) {
      if (errno == ENOENT) return {};
      if (errno != EBUSY) break;
      if (::umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) continue;
      if (::umount2(directory.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) != 0) break;
    }
    if (::access(path.c_str(), F_OK) == 0) return Error{EBUSY, "remove namespace", path, "still mounted elsewhere"};
    return {};
  });
}

}  // namespace

Result<UniqueFd> new_network_namespace(const std::string& userns) {
  UniqueFd user;
  if (!userns.empty()) {
    user.reset(::open(userns.c_str(), O_RDONLY | O_CLOEXEC));
    if (!user.valid()) return errno_error("open user namespace", userns);
  }
  Birth birth{user.get(), -1, 0, nullptr};
  auto pid = vfork_call(CLONE_FILES, give_birth, &birth);
  if (!pid) return std::move(pid.error());
  reap(*pid);
  if (birth.failed_errno != 0) return Error{birth.failed_errno, birth.failed_operation, userns, ""};
  return UniqueFd(birth.result_fd);
}

// Makes the file that a namespace is bound on. 0444 as containerd's and ip-netns(8)'s: nothing is ever written to it.
Result<void> bind_namespace(int fd, const std::string& path) {
  UniqueFd place(::open(path.c_str(), O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444));
  if (!place.valid()) return errno_error("create", path);
  const std::string source = "/proc/self/fd/" + std::to_string(fd);
  if (::mount(source.c_str(), path.c_str(), nullptr, MS_BIND, nullptr) == 0) return {};
  auto error = errno_error("bind namespace", path);
  ::unlink(path.c_str());
  return error;
}

Result<void> create_network_namespace(const std::string& path, const std::string& userns) {
  auto made = new_network_namespace(userns);
  if (!made) return std::move(made.error());
  return bind_namespace(made->get(), path);
}

Result<void> remove_namespace(const std::string& path) {
  while (::umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) continue;
  if (errno != EINVAL && errno != ENOENT) return errno_error("unmount namespace", path);
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  if (errno == EBUSY) return remove_hidden(path);
  return errno_error("remove namespace", path);
}

}  // namespace gantry
