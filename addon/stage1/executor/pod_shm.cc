#include "stage1/executor/pod_shm.h"

#include <fcntl.h>
#include <sys/mount.h>

#include "linux/clone_process.h"
#include "linux/kernel_age.h"
#include "linux/mount.h"
#include "linux/namespaces.h"
#include "stage1/executor/launch.h"
#include "stage1/executor/root_switch.h"

namespace gantry::executor {

namespace {

Result<UniqueFd> make_tmpfs(uint64_t size, uid_t uid, gid_t gid) {
  auto context = FsContext::open("tmpfs");
  if (!context) return context.error();
  GANTRY_TRY(context->set_string("source", "shm"));
  GANTRY_TRY(context->set_string("mode", "1777"));
  GANTRY_TRY(context->set_string("size", std::to_string(size)));
  GANTRY_TRY(context->set_string("uid", std::to_string(uid)));
  GANTRY_TRY(context->set_string("gid", std::to_string(gid)));
  return context->create(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
}

// A mount namespace whose root the tmpfs is, made by a process that ends at once.
Result<UniqueFd> make_shm_namespace(int tmpfs) {
  LaunchPlan plan;
  plan.keep = {tmpfs};
  auto child = launch(plan, [&](ChildSync& sync) {
    const auto steps = [&]() -> Result<void> {
      GANTRY_TRY(new_namespaces(CLONE_NEWNS));
      GANTRY_TRY(attach_new_root(tmpfs));
      return enter_root(tmpfs);
    };
    if (auto done = steps(); !done) sync.fail(done.error());
    sync.prepared();
    sync.wait_for(ChildCommand::start);
  });
  if (!child) return child.error();
  auto answer = wait_until_prepared(*child);
  auto made = answer ? namespace_of(child->pid, "mnt") : Result<UniqueFd>(answer.error());
  child->sync.reset();
  GANTRY_TRY(wait_for(child->pid));
  return made;
}

}  // namespace

Result<void> make_pod_shm(PodSandbox& sandbox, uint64_t size, uid_t owner_uid, gid_t owner_gid) {
  auto tmpfs = make_tmpfs(size, owner_uid, owner_gid);
  if (!tmpfs) return tmpfs.error();
  // Asked of the kernel, not of its version.
  if (!pretend_old_kernel && clone_mount(tmpfs->get(), "", false)) {
    sandbox.shm = std::move(*tmpfs);
    return {};
  }
  auto made = make_shm_namespace(tmpfs->get());
  if (!made) return made.error();
  sandbox.shm_namespace = std::move(*made);
  return {};
}

Result<UniqueFd> clone_pod_shm(const PodSandbox& sandbox) {
  if (sandbox.shm.valid()) return clone_mount(sandbox.shm.get(), "", false);
  if (!sandbox.shm_namespace.valid()) return UniqueFd();
  auto own = namespace_of(0, "mnt");
  if (!own) return own.error();
  GANTRY_TRY(join_namespace(sandbox.shm_namespace.get(), CLONE_NEWNS));
  auto clone = clone_mount(AT_FDCWD, "/", false);
  GANTRY_TRY(join_namespace(own->get(), CLONE_NEWNS));
  return clone;
}

}  // namespace gantry::executor
