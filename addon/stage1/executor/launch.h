// How a process of an app comes to be: a child of the keeper's from its first moment, with the pid that it keeps.
#pragma once

#include <functional>
#include <vector>

#include "stage1/executor/executor.h"
#include "stage1/executor/sync.h"

namespace gantry::executor {

struct LaunchPlan {
  int user = -1;             // the user namespace to be born in
  int pid = -1;              // the pid namespace to be born in
  bool new_pid = false;      // … or a new one, owned by `user`
  bool by_launcher = false;  // needed anyway, for `in_launcher`
  // Run by the launcher as the host's root, before it joins `user`: what is done to itself is inherited.
  std::function<Result<void>()> in_launcher;
  std::vector<int> keep;           // descriptors that stay open besides `sync` and 0, 1, 2
  std::vector<int> launcher_keep;  // … and those that `in_launcher` needs
  // Entered by the process alone: the launcher is waited for, and must not freeze or starve with an app.
  const CgroupEntry* cgroups = nullptr;
};

// Runs `body` in the new process. It must not return; if it does, the process ends.
Result<ChildProcess> launch(const LaunchPlan& plan, const std::function<void(ChildSync&)>& body);

}  // namespace gantry::executor
