// What an app's set-up needs of the host: mounts of its paths, cloned at this moment, and hooks run outside. The app's
// own process does it as long as it has the host's rights; once born in a user namespace it has none, and asks a second
// process that stayed behind.
#pragma once

#include <memory>
#include <string>

#include "linux/proc_dir.h"
#include "stage1/executor/executor.h"

namespace gantry::executor {

class HostSide {
 public:
  virtual ~HostSide() = default;
  // The root file system as a mount that is attached nowhere.
  virtual Result<UniqueFd> rootfs() = 0;
  // The source of spec.mounts[index], cloned (ID-mapped where that is asked for), attached nowhere.
  virtual Result<UniqueFd> mount_source(size_t index) = 0;
  // Any host path, cloned: a device, /dev/null, /sys.
  virtual Result<UniqueFd> path(const std::string& path, bool recursive) = 0;
  // The directory of app.volumes[index], cloned, with the app's label for files.
  virtual Result<UniqueFd> volume(size_t index) = 0;
  // A clone of the pod's /dev/shm; invalid where the pod has none. Only while still in stage1's mount namespace.
  virtual Result<UniqueFd> pod_shm() = 0;
  // The createRuntime (and prestart) hooks, in the host's namespaces.
  virtual Result<void> runtime_hooks() = 0;
};

// In this process. `app_pid` is what the hooks are told.
std::unique_ptr<HostSide> local_host_side(const PodSandbox& sandbox, const AppRequest& request, pid_t app_pid);
// Asks the process at the other end of `socket`.
std::unique_ptr<HostSide> remote_host_side(UniqueFd socket);
// Starts that process, nobody's child: it ends with the set-up, or when its asker has gone.
Result<void> start_host_side(const PodSandbox& sandbox, const AppRequest& request, pid_t app_pid, UniqueFd socket);

}  // namespace gantry::executor
