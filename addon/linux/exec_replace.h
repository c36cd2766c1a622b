#pragma once

#include <sys/resource.h>

#include <string>
#include <vector>

#include "linux/result.h"

namespace gantry {

struct ExecRequest {
  std::string path;
  std::vector<std::string> argv;
  std::vector<std::string> env;  // exactly this
  std::vector<int> keep_fds;     // stay open at their numbers; 0, 1 and 2 always do
  rlim_t nofile_soft = 1024;
};

// Becomes another program: default signal dispositions, empty mask, no descriptor but the kept ones, blocking stdio.
// Returns only when it failed, and then everything is as it was.
Error exec_replace(const ExecRequest& request);

}  // namespace gantry
