// An app from the barrier to the exec, step by step. What runc does in prepareRootfs and linuxStandardInit, in its
// order where the order matters; each step is a file of its own.
#include "stage1/executor/app_setup.h"

#include <fcntl.h>
#include <sys/mount.h>

#include "linux/clone_process.h"
#include "linux/mount.h"
#include "linux/namespaces.h"
#include "linux/process_settings.h"
#include "stage1/executor/console.h"
#include "stage1/executor/devices.h"
#include "stage1/executor/hooks.h"
#include "stage1/executor/masks.h"
#include "stage1/executor/mounts.h"
#include "stage1/executor/program.h"
#include "stage1/executor/root_switch.h"
#include "stage1/executor/stdio.h"
#include "stage1/executor/sysctls.h"
#include "stage1/executor/time_namespace.h"
#include "stage1/executor/volumes.h"

namespace gantry::executor {

namespace {

HookState hook_state(const AppSetup& setup, const char* status) {
  // The pid as the container counts it: these hooks run inside.
  return {setup.request.app.id, status, own_pid(), setup.request.app.directory, setup.spec.annotations};
}

// What can be had only here: before the namespaces change, and /proc is covered.
Result<void> look_at_host(AppSetup& setup) {
  auto proc = ProcDir::open();
  if (!proc) return proc.error();
  setup.proc.emplace(std::move(*proc));
  auto cgroups = setup.proc->read("thread-self/cgroup");
  if (!cgroups) return cgroups.error();
  setup.own_cgroups = std::move(*cgroups);
  auto seccomp = compile_seccomp(setup.spec.linux.seccomp);
  if (!seccomp) return seccomp.error();
  setup.seccomp = std::move(*seccomp);
  GANTRY_TRY(connect_listener(setup.seccomp, *setup.proc, hook_state(setup, "creating")));
  auto shm = setup.host->pod_shm();
  if (!shm) return shm.error();
  setup.shm = std::move(*shm);
  return {};
}

Result<void> join_pod(const AppSetup& setup) {
  const PodSandbox& pod = setup.sandbox;
  if (pod.network.valid()) GANTRY_TRY(join_namespace(pod.network.get(), CLONE_NEWNET));
  if (pod.ipc.valid()) GANTRY_TRY(join_namespace(pod.ipc.get(), CLONE_NEWIPC));
  if (pod.uts.valid()) GANTRY_TRY(join_namespace(pod.uts.get(), CLONE_NEWUTS));
  if (pod.uts.valid() && !setup.spec.domainname.empty()) GANTRY_TRY(set_domain_name(setup.spec.domainname));
  return {};
}

// The cgroup namespace's root is where the process is now: it has been placed at the barrier.
Result<void> make_own_namespaces(const AppSetup& setup) {
  GANTRY_TRY(enter_time_namespace(setup.spec.linux, *setup.proc));
  const bool cgroup = setup.spec.linux.find_namespace("cgroup") != nullptr;
  return new_namespaces(CLONE_NEWNS | (cgroup ? CLONE_NEWCGROUP : 0));
}

Result<void> attach_root(AppSetup& setup) {
  auto mount = setup.host->rootfs();
  if (!mount) return mount.error();
  GANTRY_TRY(attach_new_root(mount->get()));
  const contract::AppRootfs& rootfs = setup.request.app.rootfs;
  MountChange change;
  change.propagation = MS_PRIVATE;
  change.recursive = true;
  GANTRY_TRY(change_mount(mount->get(), change, "the container's root"));
  if (rootfs.kind == contract::RootfsKind::layers && rootfs.writable.empty()) {
    MountChange read_only;
    read_only.set = MOUNT_ATTR_RDONLY;
    GANTRY_TRY(change_mount(mount->get(), read_only, "the container's root"));
  }
  setup.root.emplace(std::move(*mount));
  return {};
}

Result<void> make_console(AppSetup& setup) {
  if (!setup.spec.process.terminal) return {};
  auto slave = open_console(*setup.root, setup.spec.process.console_size, setup.sync);
  if (!slave) return slave.error();
  auto mount = clone_mount(slave->get(), "", false);
  if (!mount) return mount.error();
  return attach_at(setup, mount->get(), "/dev/console", RootDir::Kind::file);
}

Result<void> apply_own_sysctls(const AppSetup& setup) {
  const OwnNamespaces own{setup.sandbox.ipc.valid(), setup.sandbox.uts.valid(), setup.sandbox.network.valid(),
                          setup.sandbox.user.valid()};
  return apply_sysctls(*setup.proc, setup.spec.linux.sysctl, own);
}

Result<void> make_working_directory(const AppSetup& setup) {
  auto directory = setup.root->ensure(setup.spec.process.cwd, RootDir::Kind::directory);
  if (directory || directory.error().code == EROFS) return {};  // chdir will tell
  return directory.error();
}

Result<void> run_creation_hooks(AppSetup& setup) {
  const contract::OciHooks& hooks = setup.spec.hooks;
  if (!hooks.prestart.empty() || !hooks.create_runtime.empty()) GANTRY_TRY(setup.host->runtime_hooks());
  if (hooks.create_container.empty()) return {};
  const std::string& path = setup.spec.root.path;
  const std::string place = path.starts_with('/') ? path : setup.request.app.directory + "/" + path;
  GANTRY_TRY(move_new_root(setup.root->fd(), place, *setup.proc));
  return run_hooks("createContainer", hooks.create_container, hook_state(setup, "creating"));
}

Result<void> enter_container(AppSetup& setup) {
  auto old_root = switch_root(setup.root->fd());
  if (!old_root) return old_root.error();
  setup.old_root = std::move(*old_root);
  const std::string& wanted = setup.spec.linux.rootfs_propagation;
  MountChange change;
  if (wanted.ends_with("shared")) change.propagation = MS_SHARED;
  if (wanted.ends_with("unbindable")) change.propagation = MS_UNBINDABLE;
  return change.propagation == 0 ? Result<void>() : change_mount(setup.root->fd(), change, "/");
}

Result<void> set_up_process(AppSetup& setup) {
  const contract::OciProcess& process = setup.spec.process;
  if (setup.spec.linux.personality && setup.spec.linux.personality->domain == "LINUX32")
    GANTRY_TRY(set_personality(0x0008));
  GANTRY_TRY(apply_labels(*setup.proc, process));
  // After the label for keys was set: it is the keyring's too.
  auto keyring = join_session_keyring("_ses." + setup.request.app.id);
  if (!keyring && keyring.error().code != ENOSYS) setup.sync.warn("no session keyring: " + keyring.error().describe());
  GANTRY_TRY(apply_limits(&*setup.proc, process, setup.sync));
  if (!process.terminal) return give_stdio(setup.request.stdio, std::move(setup.spare_null));
  return {};
}

// Nothing of the host stays open while the process waits to be started.
void let_go_of_host(AppSetup& setup) {
  setup.host.reset();
  setup.proc.reset();
  setup.root.reset();
  setup.shm.reset();
  setup.spare_null.reset();
}

// Said, not left out in silence.
Result<void> check_supported(const contract::OciLinux& linux) {
  const char* member = !linux.net_devices.empty() ? "linux.netDevices" : linux.intel_rdt ? "linux.intelRdt" : nullptr;
  return member == nullptr ? Result<void>() : Error{EOPNOTSUPP, "config.json", member, "this runtime does not have it"};
}

Result<void> prepare(AppSetup& setup) {
  GANTRY_TRY(check_supported(setup.spec.linux));
  GANTRY_TRY(new_session());
  GANTRY_TRY(look_at_host(setup));
  GANTRY_TRY(join_pod(setup));
  GANTRY_TRY(make_own_namespaces(setup));
  GANTRY_TRY(attach_root(setup));
  GANTRY_TRY(fill_volumes(setup));
  GANTRY_TRY(make_mounts(setup));
  GANTRY_TRY(make_devices(setup));
  GANTRY_TRY(make_console(setup));
  GANTRY_TRY(make_working_directory(setup));
  GANTRY_TRY(apply_own_sysctls(setup));
  GANTRY_TRY(make_paths_read_only(setup));
  GANTRY_TRY(mask_paths(setup));
  GANTRY_TRY(run_creation_hooks(setup));
  GANTRY_TRY(enter_container(setup));
  GANTRY_TRY(apply_read_only(setup));
  GANTRY_TRY(set_up_process(setup));
  let_go_of_host(setup);
  return {};
}

}  // namespace

void run_app(AppSetup& setup) {
  setup.sync.wait_for(ChildCommand::proceed);
  if (auto prepared = prepare(setup); !prepared) setup.sync.fail(prepared.error());
  setup.sync.prepared();
  // Beside what the caller does before it asks for the start, not before its answer.
  if (auto left = leave_old_root(std::move(setup.old_root)); !left) setup.sync.fail(left.error());

  setup.sync.wait_for(ChildCommand::start);
  const auto& hooks = setup.spec.hooks.start_container;
  auto hooked = run_hooks("startContainer", hooks, hook_state(setup, "created"), make_environment(setup.spec.process));
  if (!hooked) setup.sync.fail(hooked.error());
  become_program(setup.spec.process, setup.seccomp, setup.sync);
}

}  // namespace gantry::executor
