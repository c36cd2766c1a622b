#include "linux/namespaces.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/nsfs.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux/clone_process.h"

namespace gantry {

namespace {

// For messages: "net|uts".
std::string type_names(int types) {
  static constexpr struct {
    int type;
    const char* name;
  } table[] = {{CLONE_NEWUSER, "user"}, {CLONE_NEWNS, "mnt"},        {CLONE_NEWNET, "net"}, {CLONE_NEWIPC, "ipc"},
               {CLONE_NEWUTS, "uts"},   {CLONE_NEWCGROUP, "cgroup"}, {CLONE_NEWPID, "pid"}, {0x80, "time"}};
  std::string names;
  for (const auto& entry : table) {
    if (types & entry.type) names += (names.empty() ? "" : "|") + std::string(entry.name);
  }
  return names;
}

}  // namespace

Result<UniqueFd> open_namespace(const std::string& path, int type) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return errno_error("open", path);
  const int found = ::ioctl(fd.get(), NS_GET_NSTYPE);
  if (found != type) return Error{EINVAL, "open", path, "is not a namespace of type " + type_names(type)};
  return fd;
}

Result<UniqueFd> namespace_of(pid_t pid, const std::string& name) {
  const std::string path = "/proc/" + (pid == 0 ? "thread-self" : std::to_string(pid)) + "/ns/" + name;
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return errno_error("open", path);
  return fd;
}

Result<void> join_namespace(int fd, int type) {
  if (::setns(fd, type) < 0) return errno_error("setns", type_names(type));
  return {};
}

Result<void> join_namespaces_of(int pidfd, int types) {
  if (::setns(pidfd, types) < 0) return errno_error("setns", type_names(types));
  return {};
}

Result<void> new_namespaces(int types) {
  if (::unshare(types) < 0) return errno_error("unshare", type_names(types));
  return {};
}

bool same_namespace(int one, int other) {
  struct stat a {
  }, b{};
  return ::fstat(one, &a) == 0 && ::fstat(other, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

Result<void> set_host_name(const std::string& name) {
  if (::sethostname(name.data(), name.size()) < 0) return errno_error("sethostname", name);
  return {};
}

Result<void> set_domain_name(const std::string& name) {
  if (::setdomainname(name.data(), name.size()) < 0) return errno_error("setdomainname", name);
  return {};
}

Result<UniqueFd> id_map_namespace(const std::string& uid_map, const std::string& gid_map) {
  auto child = clone_process(CLONE_NEWUSER);
  if (!child) return child.error();
  if (child->pid == 0) {
    for (;;) ::pause();
  }
  const std::string process = "/proc/" + std::to_string(child->pid);
  const auto write_map = [&](const char* name, const std::string& text) -> Result<void> {
    const UniqueFd file(::open((process + name).c_str(), O_WRONLY | O_CLOEXEC));
    if (!file.valid() || ::write(file.get(), text.data(), text.size()) < 0)
      return errno_error("write", process + name, text);
    return {};
  };
  const auto steps = [&]() -> Result<UniqueFd> {
    GANTRY_TRY(write_map("/uid_map", uid_map));
    GANTRY_TRY(write_map("/gid_map", gid_map));
    return namespace_of(child->pid, "user");
  };
  auto made = steps();
  ::kill(child->pid, SIGKILL);
  GANTRY_TRY(wait_for(child->pid));
  return made;
}

Result<void> become_namespace_root() {
  // EPERM: a namespace that was made with setgroups denied; its maps say who the groups are.
  if (::syscall(SYS_setgroups, 0, nullptr) < 0 && errno != EPERM) return errno_error("setgroups");
  if (::setresgid(0, 0, 0) < 0) return errno_error("setresgid", "0", "the pod's user namespace maps no group 0");
  if (::setresuid(0, 0, 0) < 0) return errno_error("setresuid", "0", "the pod's user namespace maps no user 0");
  return {};
}

}  // namespace gantry
