// The executor: namespaces and processes. Half of stage1; the other half, the keeper, holds what must stay on the host
// (lock, socket, logs, status, cgroups) and drives this one only through this header. They are two folders of one process
// and share its kernel and descriptors: what can be put between two machines is the contract (docs/stage1-contract.md).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "linux/cgroup_entry.h"
#include "linux/result.h"
#include "linux/unique_fd.h"
#include "stage1/contract/manifest.h"
#include "stage1/contract/oci_spec.h"

namespace gantry::executor {

// What the pod's apps share, held as descriptors for as long as stage1 lives: namespaces (invalid: the host's), the
// mount behind /dev/shm, the PID 1 of a shared pid namespace.
struct PodSandbox {
  UniqueFd user, network, ipc, uts, pid;
  // Who user and group 0 of `user` are on the host; 0 without a user namespace.
  uid_t root_uid = 0;
  gid_t root_gid = 0;
  // Kernels from 6.15 clone a mount that is attached nowhere; older ones only one in a mount namespace: then `shm` is
  // invalid and this namespace holds nothing but that tmpfs, as its root.
  UniqueFd shm, shm_namespace;
  pid_t init_pid = 0;
  UniqueFd init_pidfd;
};

// Makes it: joins or creates each namespace, sets the host name, applies the sysctls, starts the pod's init. On an
// error nothing is left.
Result<PodSandbox> make_sandbox(const contract::PodManifest& pod);

// The child's ends of its stdio; -1 is /dev/null. With a terminal all three are ignored and the console's master comes
// back as a message.
struct StdioEnds {
  int in = -1, out = -1, err = -1;
};

// A process of an app (or of an exec) on its way from "exists" to "runs". It was cloned by the keeper's process, is its
// child, and talks over `sync` (SOCK_SEQPACKET, one ChildMessage a packet, descriptors by SCM_RIGHTS).
struct ChildProcess {
  pid_t pid = 0;
  UniqueFd pidfd;
  UniqueFd sync;
  // Whether it is in the request's v2 cgroup. Where not (the kernel refused: a full pids cgroup, an older kernel), it is
  // the keeper's to move it there before it proceeds. Into the v1 cgroups it goes itself, before it does anything else.
  bool in_unified_cgroup = false;
};

// Child → keeper.
enum class ChildReport : uint8_t {
  prepared = 1,  // everything but the exec is done; waits for `start`
  console = 2,   // the terminal's master is attached to this packet
  warning = 3,   // text follows: degraded, goes on
  failed = 4,    // an encoded Error follows; the process is about to exit
  placed = 5,    // the first word of a process with cgroups of its own: it is in those of v1
  refused = 6,   // the kernel does not take the command's file: it counts as run, and exits with a code of its own
  // After `start` a successful execve closes `sync`: end-of-file without `failed` means that it runs.
};

// Keeper → child, one byte. End-of-file in place of a command makes the child exit: closing `sync` gives up either
// wait.
enum class ChildCommand : uint8_t {
  proceed = 1,  // pass the barrier
  start = 2,    // exec
};

struct ChildMessage {
  ChildReport report;
  std::string text;  // warning
  Error error;       // failed
  UniqueFd console;
};

// What an app's first process is made of. References are used only until clone_app returns.
struct AppRequest {
  const contract::AppManifest& app;
  const contract::OciSpec& spec;
  StdioEnds stdio;
  int pid_target = -1;  // pidfd of the first process of app.pid_target; -1 without one
  const CgroupEntry* cgroups = nullptr;  // where it belongs; null: where stage1 is
};

// Clones an app's first process, which stops at the barrier at once: it has joined nothing but its pid and user
// namespaces, and mounted nothing. Its pid stays the same until it ends. Short: opens no path but /proc and /dev/null.
Result<ChildProcess> clone_app(const PodSandbox& sandbox, const AppRequest& request);

struct ExecRequest {
  int app_pidfd = -1;  // of the running app's first process
  pid_t app_pid = 0;   // the same, as stage1 counts it
  const contract::OciProcess& process;
  const std::optional<contract::OciSeccomp>& seccomp;  // the app's own linux.seccomp: an exec runs under it too
  StdioEnds stdio;
  const CgroupEntry* cgroups = nullptr;
};

// Clones a process that joins the namespaces, root and security context of a running app. Stops at the barrier too.
Result<ChildProcess> clone_exec(const PodSandbox& sandbox, const ExecRequest& request);

Result<void> command(const ChildProcess& child, ChildCommand command);
// Reads one packet; EAGAIN when there is none (sync is non-blocking on the keeper's side), ENODATA at end-of-file.
Result<ChildMessage> receive(const ChildProcess& child);

}  // namespace gantry::executor
