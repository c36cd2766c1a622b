// The two ways into a container: as an app's first process, and as one more of a running app's.
#include <linux/sched.h>

#include <algorithm>
#include <array>

#include "linux/clone_process.h"
#include "linux/namespaces.h"
#include "linux/packet_socket.h"
#include "linux/path_handle.h"
#include "linux/pidfd.h"
#include "linux/process_settings.h"
#include "stage1/executor/app_setup.h"
#include "stage1/executor/console.h"
#include "stage1/executor/cpu_list.h"
#include "stage1/executor/launch.h"
#include "stage1/executor/program.h"
#include "stage1/executor/stdio.h"

namespace gantry::executor {

namespace {

using contract::NamespaceMode;

// oom_score_adj can be lowered only with the host's own CAP_SYS_RESOURCE: a failure is reported later, by the process
// itself.
Result<void> lower_oom_score(const contract::OciProcess& process) {
  if (process.oom_score_adj) (void)write_oom_score_adj(own_pid(), *process.oom_score_adj);
  return {};
}

LaunchPlan plan_app(const PodSandbox& sandbox, const AppRequest& request) {
  LaunchPlan plan;
  plan.user = sandbox.user.get();
  if (request.pid_target >= 0) {
    plan.pid = request.pid_target;
  } else if (request.app.pid == NamespaceMode::pod) {
    plan.pid = sandbox.pid.get();
  } else if (request.app.pid == NamespaceMode::app) {
    plan.new_pid = true;
  }
  plan.cgroups = request.cgroups;
  plan.in_launcher = [&request] { return lower_oom_score(request.spec.process); };
  plan.keep = {sandbox.user.get(), sandbox.network.get(), sandbox.ipc.get(),
               sandbox.uts.get(),  sandbox.shm.get(),     sandbox.shm_namespace.get(),
               request.stdio.in,   request.stdio.out,     request.stdio.err};
  return plan;
}

Result<void> check_app(const PodSandbox& sandbox, const AppRequest& request) {
  if (request.pid_target < 0 && request.app.pid == NamespaceMode::pod && !sandbox.pid.valid()) {
    return Error{EINVAL, "clone", request.app.id, "the pod has no pid namespace of its own to share"};
  }
  if (!request.app.pid_target.empty() && request.pid_target < 0) {
    return Error{ESRCH, "clone", request.app.pid_target,
                 "the container whose pid namespace is to be joined does not run"};
  }
  return {};
}

// Rights over the host, hooks outside of the container, and ID maps (made with a process that /proc must know by its
// number) cannot be had from inside.
bool needs_host_side(const PodSandbox& sandbox, const AppRequest& request) {
  const contract::OciHooks& hooks = request.spec.hooks;
  const auto has_maps = [](const contract::OciMount& mount) { return !mount.uid_mappings.empty(); };
  return sandbox.user.valid() || !hooks.prestart.empty() || !hooks.create_runtime.empty() ||
         std::any_of(request.spec.mounts.begin(), request.spec.mounts.end(), has_maps);
}

// --- exec ---

struct SharedNamespace {
  const char* name;
  int type;
};
// The mount namespace last: it changes the root.
constexpr std::array<SharedNamespace, 5> shared_namespaces{{{"net", CLONE_NEWNET},
                                                            {"ipc", CLONE_NEWIPC},
                                                            {"uts", CLONE_NEWUTS},
                                                            {"time", CLONE_NEWTIME},
                                                            {"mnt", CLONE_NEWNS}}};

// Those of a running app, by descriptor.
struct AppNamespaces {
  std::array<UniqueFd, shared_namespaces.size()> shared;
  UniqueFd pid;
  // Joined by the process itself: with it the launcher would not see the cgroups any more that the process comes from
  // and goes to, and a v2 hierarchy mounted with nsdelegate asks for both.
  UniqueFd cgroup;
};

Result<AppNamespaces> open_namespaces(pid_t app_pid) {
  AppNamespaces found;
  for (size_t i = 0; i < shared_namespaces.size(); ++i) {
    auto fd = namespace_of(app_pid, shared_namespaces[i].name);
    // A kernel need not have them all (time namespaces: 5.6, and a matter of its configuration).
    if (!fd && fd.error().code != ENOENT) return fd.error();
    if (fd) found.shared[i] = std::move(*fd);
  }
  // ENOENT for all of them: the process is gone.
  auto pid = namespace_of(app_pid, "pid");
  if (!pid) return pid.error();
  found.pid = std::move(*pid);
  auto cgroup = namespace_of(app_pid, "cgroup");
  if (!cgroup && cgroup.error().code != ENOENT) return cgroup.error();
  auto own = namespace_of(0, "cgroup");
  // The host's own needs no joining, and an app's user namespace has no right to it.
  if (cgroup && own && !same_namespace(cgroup->get(), own->get())) found.cgroup = std::move(*cgroup);
  return found;
}

// By the launcher: the process is born inside, and never has anything of the host that its neighbours could reach.
Result<void> enter_app(const AppNamespaces& app, const ExecRequest& request, Seccomp& seccomp) {
  const contract::OciProcess& process = request.process;
  auto proc = ProcDir::open();
  if (!proc) return proc.error();
  auto compiled = compile_seccomp(request.seccomp);
  if (!compiled) return compiled.error();
  seccomp = std::move(*compiled);
  GANTRY_TRY(connect_listener(seccomp, *proc, {{}, "running", request.app_pid, {}, {}}));
  GANTRY_TRY(apply_labels(*proc, process));
  GANTRY_TRY(lower_oom_score(process));
  if (process.exec_cpu_affinity) GANTRY_TRY(apply_cpu_list(process.exec_cpu_affinity->initial));
  for (size_t i = 0; i < shared_namespaces.size(); ++i) {
    if (app.shared[i].valid()) GANTRY_TRY(join_namespace(app.shared[i].get(), shared_namespaces[i].type));
  }
  return {};
}

Result<void> prepare_exec(const ExecRequest& request, UniqueFd& cgroup_namespace, UniqueFd& null, ChildSync& sync) {
  const contract::OciProcess& process = request.process;
  if (cgroup_namespace.valid()) GANTRY_TRY(join_namespace(cgroup_namespace.get(), CLONE_NEWCGROUP));
  cgroup_namespace.reset();
  GANTRY_TRY(new_session());
  if (process.exec_cpu_affinity) GANTRY_TRY(apply_cpu_list(process.exec_cpu_affinity->final));
  if (process.terminal) {
    auto root = open_directory("/");
    if (!root) return root.error();
    auto slave = open_console(RootDir(std::move(*root)), process.console_size, sync);
    if (!slave) return slave.error();
  } else {
    GANTRY_TRY(give_stdio(request.stdio, std::move(null)));
  }
  return apply_limits(nullptr, process, sync);
}

[[noreturn]] void run_exec(const ExecRequest& request, UniqueFd& cgroup_namespace, UniqueFd& null,
                           const Seccomp& seccomp, ChildSync& sync) {
  sync.wait_for(ChildCommand::proceed);
  if (auto prepared = prepare_exec(request, cgroup_namespace, null, sync); !prepared) sync.fail(prepared.error());
  sync.prepared();
  sync.wait_for(ChildCommand::start);
  become_command(request.process, seccomp, sync);
}

}  // namespace

Result<ChildProcess> clone_app(const PodSandbox& sandbox, const AppRequest& request) {
  GANTRY_TRY(check_app(sandbox, request));
  give_pipes_to_root_of(sandbox, request.stdio);
  LaunchPlan plan = plan_app(sandbox, request);
  UniqueFd null = spare_null(request.stdio);
  plan.keep.push_back(null.get());
  UniqueFd asking, answering;
  if (needs_host_side(sandbox, request)) {
    auto pair = packet_socket_pair();
    if (!pair) return pair.error();
    asking = std::move(pair->first);
    answering = std::move(pair->second);
    plan.keep.push_back(asking.get());
  }
  auto child = launch(plan, [&](ChildSync& sync) {
    std::unique_ptr<HostSide> host =
        asking.valid() ? remote_host_side(std::move(asking)) : local_host_side(sandbox, request, 0);
    AppSetup setup{sandbox, request, request.spec, sync, std::move(host), sandbox.user.valid(), {}, {}, {}, {},
                   std::move(null), {}, {}, {}};
    run_app(setup);
  });
  if (!child || !answering.valid()) return child;
  asking.reset();
  if (auto started = start_host_side(sandbox, request, child->pid, std::move(answering)); !started) {
    child->sync.reset();  // the process gives up
    GANTRY_TRY(wait_for(child->pid));
    return started.error();
  }
  return child;
}

Result<ChildProcess> clone_exec(const PodSandbox& sandbox, const ExecRequest& request) {
  auto namespaces = open_namespaces(request.app_pid);
  if (!namespaces) return namespaces.error();
  give_pipes_to_root_of(sandbox, request.stdio);
  LaunchPlan plan;
  plan.user = sandbox.user.get();
  plan.pid = namespaces->pid.get();
  UniqueFd null = spare_null(request.stdio);
  plan.keep = {request.stdio.in, request.stdio.out, request.stdio.err, namespaces->cgroup.get(), null.get()};
  for (const UniqueFd& shared : namespaces->shared) plan.launcher_keep.push_back(shared.get());
  plan.cgroups = request.cgroups;
  Seccomp seccomp;  // filled in the launcher's memory, which its child has a copy of
  plan.in_launcher = [&]() -> Result<void> {
    GANTRY_TRY(enter_app(*namespaces, request, seccomp));
    plan.keep.push_back(seccomp.listener.get());
    return {};
  };
  return launch(plan, [&](ChildSync& sync) { run_exec(request, namespaces->cgroup, null, seccomp, sync); });
}

}  // namespace gantry::executor
