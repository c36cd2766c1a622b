#include "stage1/executor/root_switch.h"

#include <sys/mount.h>

#include "linux/mount.h"
#include "linux/path_handle.h"
#include "linux/root_dir.h"

namespace gantry::executor {

Result<void> attach_new_root(int mount) {
  auto proc = open_path("/proc");
  if (!proc) return proc.error();
  MountChange change;
  change.propagation = MS_PRIVATE;
  GANTRY_TRY(change_mount(proc->get(), change, "/proc"));
  return attach_mount(mount, proc->get(), "/proc");
}

Result<void> move_new_root(int mount, const std::string& path, const ProcDir& proc) {
  auto host = open_path("/");
  if (!host) return host.error();
  auto target = RootDir(std::move(*host)).ensure(path, RootDir::Kind::directory);
  if (!target) return target.error();
  auto id = mount_id(target->get());
  if (!id) return id.error();
  auto text = proc.read("thread-self/mountinfo");
  if (!text) return text.error();
  for (const MountInfo& info : parse_mountinfo(*text)) {
    if (info.id != *id) continue;
    auto below = open_path(info.mountpoint);
    if (!below) return below.error();
    // A slave sees what the host mounts, and shows nothing back.
    MountChange change;
    change.propagation = MS_SLAVE;
    GANTRY_TRY(change_mount(below->get(), change, info.mountpoint));
    return attach_mount(mount, target->get(), path);
  }
  return Error{ENOENT, "mountinfo", path, "its mount is not listed"};
}

}  // namespace gantry::executor
