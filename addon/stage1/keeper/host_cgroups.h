// The host's control group hierarchies, and making a path in all of them. v1, v2 and hybrid are one case here: a list of
// hierarchies, some of which have the controller that is asked for.
#pragma once

#include <string>
#include <vector>

#include "linux/cgroup.h"
#include "linux/cgroup_entry.h"
#include "linux/result.h"

namespace gantry::keeper {

// One cgroup in one hierarchy.
struct CgroupPlace {
  const CgroupHierarchy* hierarchy;
  std::string directory;
  bool fresh = false;  // made just now: nothing has ever been killed in it
  // It is systemd's, which removes it when it has heard that it is empty; of one that is gone by then it never hears.
  bool of_systemd = false;
};

class HostCgroups {
 public:
  static Result<HostCgroups> detect();

  [[nodiscard]] const std::vector<CgroupHierarchy>& all() const { return hierarchies_; }
  // Where a controller lives; null where the host lacks it.
  [[nodiscard]] const CgroupHierarchy* of(std::string_view controller) const;
  // The hierarchy in which processes are killed and execs kept apart: v2, else the freezer, else any.
  [[nodiscard]] const CgroupHierarchy* for_killing() const;

  // `path` below every mount point, parents included; v2 controllers are handed down, v1 cpusets filled in.
  Result<std::vector<CgroupPlace>> make(const std::string& path);
  // The cgroups that a process is in, completed by its path in those hierarchies that its placer left out (systemd). EINVAL
  // for one that this process is in too: what is adopted is killed with its container.
  Result<std::vector<CgroupPlace>> adopt(pid_t pid);
  // `relative` below the cgroups that this process is in.
  Result<std::vector<CgroupPlace>> make_below_own(const std::string& relative);

  // As if make() had created the `count` innermost parents of that place.
  void count_as_made(const CgroupPlace& place, int count);
  // Moves the parents that make() had to create out of the way, if they are empty by now.
  void remove_made_parents();

 private:
  Result<CgroupPlace> make_in(const CgroupHierarchy& hierarchy, const std::string& path);

  std::vector<CgroupHierarchy> hierarchies_;
  std::vector<std::string> made_parents_;
};

// For a process that is about to be cloned. place_process() of one that exists may wait for 15 ms, see
// linux/cgroup_entry.h. Without the v2 cgroup where that one is not fresh, see ContainerCgroup::spend_exec_slot.
Result<CgroupEntry> entry_of(const std::vector<CgroupPlace>& places);
Result<void> place_process(const std::vector<CgroupPlace>& places, pid_t pid);
// This process, which has one thread: without that wait in v1, and in v2 where it was started there.
Result<void> place_self(const std::vector<CgroupPlace>& places);
// Of systemd's only what is below.
Result<void> remove_cgroups(const std::vector<CgroupPlace>& places);
// To the root of every hierarchy of `places`, best effort: so that those can be removed.
void leave_cgroups(const std::vector<CgroupPlace>& places);
// Clones this process into the root of v2, where `places` has a v2 cgroup, and returns in the clone once the caller, which
// has nothing left to do but to end, is gone: the clone can remove what the caller could leave only after that wait. It
// has the caller's descriptors until it ends. True in the clone; errors, also where there is no v2, in the caller.
Result<bool> outlive_self(const std::vector<CgroupPlace>& places);

}  // namespace gantry::keeper
