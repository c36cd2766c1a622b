#include "linux/netns_sysctl.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>


#include "linux/unique_fd.h"

#include "linux/own_thread.h"

namespace gantry {

namespace {

Result<void> write_one(const std::string& name, const std::string& value) {
  if (name.empty() || name.front() == '/' || name.find("..") != std::string::npos) {
    return Error{EINVAL, "sysctl", name, "leads out of /proc/sys/net"};
  }
  const UniqueFd file(::open(("/proc/sys/net/" + name).c_str(), O_WRONLY | O_CLOEXEC));
  if (!file.valid()) return errno_error("sysctl", name);
  const ssize_t written = ::write(file.get(), value.data(), value.size());
  if (written != static_cast<ssize_t>(value.size())) return errno_error("sysctl", name);
  return {};
}

}  // namespace

Result<void> write_net_sysctls(const std::string& path,
                               const std::vector<std::pair<std::string, std::string>>& values) {
  const UniqueFd netns(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!netns.valid()) return errno_error("open", path);
  // The namespace that the thread joins is never left again; /proc/sys/net follows the thread.
  return run_in_own_thread([&]() -> Result<void> {
    if (::setns(netns.get(), CLONE_NEWNET) != 0) return errno_error("setns", path);
    for (const auto& [name, value] : values) GANTRY_TRY(write_one(name, value));
    return {};
  });
}

}  // namespace gantry
