// make_sandbox: what the apps of a pod share. Namespaces are made by a process that ends at once; descriptors keep
// them.
#include <cstdlib>

#include "linux/clone_process.h"
#include "linux/namespaces.h"
#include "linux/pidfd.h"
#include "linux/proc_dir.h"
#include "stage1/executor/launch.h"
#include "stage1/executor/pod_init.h"
#include "stage1/executor/pod_shm.h"
#include "stage1/executor/sysctls.h"

namespace gantry::executor {

namespace {

using contract::NamespaceMode;
using contract::PodManifest;

Result<void> join_bound_namespaces(PodSandbox& sandbox, const contract::PodNamespaces& wanted) {
  if (!wanted.user.empty()) {
    auto user = open_namespace(wanted.user, CLONE_NEWUSER);
    if (!user) return user.error();
    sandbox.user = std::move(*user);
  }
  if (wanted.network.empty()) return {};
  auto network = open_namespace(wanted.network, CLONE_NEWNET);
  if (!network) return network.error();
  sandbox.network = std::move(*network);
  return {};
}

struct Ids {
  uid_t uid = 0;
  gid_t gid = 0;
};

// What a process's user namespace maps id 0 to, from the first line of /proc/<pid>/uid_map that begins with 0.
Result<uint32_t> host_id_of_root(const ProcDir& proc, pid_t pid, const char* map) {
  auto text = proc.read(std::to_string(pid) + "/" + map);
  if (!text) return text.error();
  uint32_t inside = 1, outside = 0;
  for (const char* at = text->c_str(); *at != '\0';) {
    char* end = nullptr;
    inside = static_cast<uint32_t>(std::strtoul(at, &end, 10));
    outside = static_cast<uint32_t>(std::strtoul(end, &end, 10));
    if (inside == 0) return outside;
    while (*end != '\0' && *end++ != '\n') {
    }
    at = end;
  }
  return Error{EINVAL, "read", map, "the pod's user namespace maps no id 0"};
}

// In the child: makes the namespaces and what belongs into them.
Result<void> fill_namespaces(const PodSandbox& sandbox, const PodManifest& pod) {
  auto proc = ProcDir::open();
  if (!proc) return proc.error();
  const bool ipc = pod.namespaces.ipc == NamespaceMode::pod, uts = pod.namespaces.uts == NamespaceMode::pod;
  if (ipc || uts) GANTRY_TRY(new_namespaces((ipc ? CLONE_NEWIPC : 0) | (uts ? CLONE_NEWUTS : 0)));
  if (uts && !pod.hostname.empty()) GANTRY_TRY(set_host_name(pod.hostname));
  if (sandbox.network.valid()) GANTRY_TRY(join_namespace(sandbox.network.get(), CLONE_NEWNET));
  return apply_sysctls(*proc, pod.sysctls, {ipc, uts, sandbox.network.valid(), sandbox.user.valid()});
}

Result<void> take_namespaces(PodSandbox& sandbox, const PodManifest& pod, pid_t child) {
  if (pod.namespaces.ipc == NamespaceMode::pod) {
    auto ipc = namespace_of(child, "ipc");
    if (!ipc) return ipc.error();
    sandbox.ipc = std::move(*ipc);
  }
  if (pod.namespaces.uts == NamespaceMode::pod) {
    auto uts = namespace_of(child, "uts");
    if (!uts) return uts.error();
    sandbox.uts = std::move(*uts);
  }
  return {};
}

Result<Ids> ids_of_root(const PodSandbox& sandbox, pid_t child) {
  if (!sandbox.user.valid()) return Ids{};
  auto proc = ProcDir::open();
  if (!proc) return proc.error();
  auto uid = host_id_of_root(*proc, child, "uid_map");
  if (!uid) return uid.error();
  auto gid = host_id_of_root(*proc, child, "gid_map");
  if (!gid) return gid.error();
  return Ids{*uid, *gid};
}

// Returns who the pod's root is on the host.
Result<Ids> make_namespaces(PodSandbox& sandbox, const PodManifest& pod) {
  LaunchPlan plan;
  plan.user = sandbox.user.get();
  plan.keep = {sandbox.network.get()};
  auto child = launch(plan, [&](ChildSync& sync) {
    if (auto done = fill_namespaces(sandbox, pod); !done) sync.fail(done.error());
    sync.prepared();
    sync.wait_for(ChildCommand::start);  // which is never given: the end of `sync` is the end
  });
  if (!child) return child.error();
  const auto steps = [&]() -> Result<Ids> {
    GANTRY_TRY(wait_until_prepared(*child));
    GANTRY_TRY(take_namespaces(sandbox, pod, child->pid));
    return ids_of_root(sandbox, child->pid);
  };
  auto ids = steps();
  child->sync.reset();
  GANTRY_TRY(wait_for(child->pid));
  return ids;
}

}  // namespace

Result<PodSandbox> make_sandbox(const PodManifest& pod) {
  PodSandbox sandbox;
  GANTRY_TRY(join_bound_namespaces(sandbox, pod.namespaces));
  auto root = make_namespaces(sandbox, pod);
  if (!root) return root.error();
  sandbox.root_uid = root->uid;
  sandbox.root_gid = root->gid;
  if (pod.shm_size > 0) GANTRY_TRY(make_pod_shm(sandbox, pod.shm_size, root->uid, root->gid));
  if (pod.namespaces.pid == NamespaceMode::pod) GANTRY_TRY(start_pod_init(sandbox, pod.selinux_label));
  return sandbox;
}

}  // namespace gantry::executor
