#include "stage1/executor/pod_init.h"

#include <sys/mount.h>

#include "linux/capabilities.h"
#include "linux/clone_process.h"
#include "linux/idle_process.h"
#include "linux/mount.h"
#include "linux/namespaces.h"
#include "linux/packet_socket.h"
#include "linux/process_settings.h"
#include "stage1/executor/launch.h"
#include "stage1/executor/root_switch.h"

namespace gantry::executor {

namespace {

// An empty root: whoever may look through /proc/1/root finds nothing there.
Result<void> leave_host(const PodSandbox& sandbox) {
  if (sandbox.network.valid()) GANTRY_TRY(join_namespace(sandbox.network.get(), CLONE_NEWNET));
  if (sandbox.ipc.valid()) GANTRY_TRY(join_namespace(sandbox.ipc.get(), CLONE_NEWIPC));
  if (sandbox.uts.valid()) GANTRY_TRY(join_namespace(sandbox.uts.get(), CLONE_NEWUTS));
  GANTRY_TRY(new_namespaces(CLONE_NEWNS));
  auto context = FsContext::open("tmpfs");
  if (!context) return context.error();
  GANTRY_TRY(context->set_options("nr_blocks=1,nr_inodes=2,mode=555"));
  auto empty = context->create(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
  if (!empty) return empty.error();
  GANTRY_TRY(attach_new_root(empty->get()));
  return enter_root(empty->get());
}

// It never execs: its label changes at once (setcon(3)). Policies that allow that to nobody leave it with stage1's, which
// only keeps it from its containers' reach.
Result<void> take_label(const ProcDir& proc, const std::string& label) {
  if (label.empty()) return {};
  auto written = proc.write("thread-self/attr/current", label);
  if (written || written.error().code == EACCES) return {};
  return Error{written.error().code, "selinux", label,
               "the sandbox's label could not be set, or this host has no SELinux"};
}

Result<void> prepare(const PodSandbox& sandbox, const std::string& label, const ChildSync& sync) {
  GANTRY_TRY(new_session());
  auto proc = ProcDir::open();
  if (!proc) return proc.error();
  GANTRY_TRY(leave_host(sandbox));
  // Behind the mounts, which the label does not allow.
  GANTRY_TRY(take_label(*proc, label));
  GANTRY_TRY(limit_bounding_set(0));
  GANTRY_TRY(set_capabilities({}));
  GANTRY_TRY(set_no_new_privileges());
  // Last: a change of credentials would clear it. A stage1 that has died by now cannot send the signal any more.
  GANTRY_TRY(die_with_parent());
  if (peer_is_gone(sync.fd())) exit_now(1);
  return {};
}

}  // namespace

Result<void> start_pod_init(PodSandbox& sandbox, const std::string& selinux_label) {
  LaunchPlan plan;
  plan.user = sandbox.user.get();
  plan.new_pid = true;
  plan.keep = {sandbox.network.get(), sandbox.ipc.get(), sandbox.uts.get()};
  auto child = launch(plan, [&](ChildSync& sync) {
    if (auto prepared = prepare(sandbox, selinux_label, sync); !prepared) sync.fail(prepared.error());
    sync.prepared();
    idle_forever();
  });
  if (!child) return child.error();
  const auto steps = [&]() -> Result<void> {
    GANTRY_TRY(wait_until_prepared(*child));
    auto pid = namespace_of(child->pid, "pid");
    if (!pid) return pid.error();
    sandbox.pid = std::move(*pid);
    return {};
  };
  if (auto done = steps(); !done) {
    kill_and_wait(child->pid);
    return done;
  }
  sandbox.init_pid = child->pid;
  sandbox.init_pidfd = std::move(child->pidfd);
  return {};
}

}  // namespace gantry::executor
