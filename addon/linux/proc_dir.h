// The proc file system by descriptor: what is written really reaches the kernel, whatever is mounted at /proc by then.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "linux/result.h"
#include "linux/unique_fd.h"

namespace gantry {

class ProcDir {
 public:
  // The host's, at /proc; EINVAL when something else is mounted there.
  static Result<ProcDir> open();
  [[nodiscard]] int fd() const { return fd_.get(); }

  // `path` is relative: "self/mountinfo", "sys/net/ipv4/ip_forward".
  [[nodiscard]] Result<std::string> read(const std::string& path) const;
  Result<void> write(const std::string& path, std::string_view text) const;
  // This process's pid as that file system counts.
  [[nodiscard]] Result<pid_t> own_pid() const;
  [[nodiscard]] bool has(const std::string& path) const;

 private:
  explicit ProcDir(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

// One line of a process's mountinfo (proc_pid_mountinfo(5)).
struct MountInfo {
  uint64_t id = 0;
  std::string root, mountpoint, type, super_options;
  bool shared = false, slave = false;
};
std::vector<MountInfo> parse_mountinfo(std::string_view text);

}  // namespace gantry
