// A path of cgroups in one hierarchy, made such that processes can be put into its end and limits be set on it.
#pragma once

#include <string>
#include <vector>

#include "linux/cgroup.h"
#include "linux/result.h"

namespace gantry {

struct MadeCgroup {
  std::string directory;
  bool fresh = false;                // it was not there
  std::vector<std::string> parents;  // those that were not there either, the outermost first
};

// `path` below the mount point. v2: each parent hands its controllers down; v1: a new cpuset gets its parent's CPUs.
Result<MadeCgroup> cgroup_make_path(const CgroupHierarchy& hierarchy, const std::string& path);

}  // namespace gantry
