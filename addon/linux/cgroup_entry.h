// How a process comes into its cgroups by itself, while it has one thread, before it does anything else. A pid written to
// cgroup.procs by somebody else waits up to 15 ms for a grace period of RCU (cgroup_threadgroup_rwsem); a thread that
// writes 0 to a v1 `tasks` file, and a process that is cloned into its v2 cgroup, take no such lock.
#pragma once

#include <string>
#include <vector>

#include "linux/result.h"
#include "linux/unique_fd.h"

namespace gantry {

class CgroupEntry {
 public:
  CgroupEntry() = default;

  // v1: `directory`, entered by enter().
  Result<void> add(const std::string& directory);
  // v2: `directory`, for clone_process(). One at most.
  Result<void> set_unified(const std::string& directory);

  // -1 where there is no v2 hierarchy.
  [[nodiscard]] int unified() const { return unified_.get(); }
  [[nodiscard]] int release_unified() { return unified_.release(); }
  // Puts the calling thread into each v1 cgroup.
  [[nodiscard]] Result<void> enter() const;
  // Appends the descriptors that enter() needs.
  void append_to(std::vector<int>& keep) const;

 private:
  struct Seat {
    UniqueFd tasks;
    std::string directory;  // for messages
  };
  std::vector<Seat> seats_;
  UniqueFd unified_;
};

}  // namespace gantry
