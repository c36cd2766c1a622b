// What the steps of an app's set-up share. app_setup.cc is their table of contents.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "linux/proc_dir.h"
#include "linux/root_dir.h"
#include "stage1/executor/executor.h"
#include "stage1/executor/host_side.h"
#include "stage1/executor/seccomp.h"
#include "stage1/executor/sync.h"

namespace gantry::executor {

struct AppSetup {
  const PodSandbox& sandbox;
  const AppRequest& request;
  const contract::OciSpec& spec;
  ChildSync& sync;
  std::unique_ptr<HostSide> host;  // until the process is prepared
  bool in_user_namespace = false;

  std::optional<ProcDir> proc;  // the host's, by descriptor: /proc itself is soon covered
  std::optional<RootDir> root;  // the container's root, attached
  UniqueFd shm;                 // a clone of the pod's /dev/shm
  UniqueFd old_root;            // the host's, until the process has been prepared
  UniqueFd spare_null;          // the host's, until the process has its stdio
  Seccomp seccomp;
  std::string own_cgroups;                                        // /proc/self/cgroup as the host sees it
  std::vector<std::pair<UniqueFd, std::string>> read_only_later;  // mounts that are still written to
};

// From the barrier to the exec. Does not return.
[[noreturn]] void run_app(AppSetup& setup);

}  // namespace gantry::executor
