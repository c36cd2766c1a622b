#include "stage1/executor/launch.h"

#include <csignal>
#include <cstdlib>

#include "linux/clone_process.h"
#include "linux/descriptor_limit.h"
#include "linux/idle_process.h"
#include "linux/namespaces.h"
#include "linux/own_title.h"
#include "linux/packet_socket.h"
#include "linux/pidfd.h"
#include "linux/process_settings.h"
#include "stage1/deadlines.h"

namespace gantry::executor {

namespace {

constexpr int no_cgroup = -1;
// Of every process until it execs, of the pod's PID 1 for good: what neighbours in a shared pid namespace see.
constexpr const char* process_title = "gantry-init";

int unified_cgroup(const LaunchPlan& plan) { return plan.cgroups == nullptr ? no_cgroup : plan.cgroups->unified(); }

// First of all: the keeper's lock, sockets and logs must not live on in here. Least of all if it freezes at the next
// step, because somebody froze the cgroup.
Result<void> leave_keeper(const LaunchPlan& plan, int sync) {
  std::vector<int> keep = plan.keep;
  keep.insert(keep.end(), {0, 1, 2, sync});
  if (plan.cgroups != nullptr) {
    std::vector<int> with_seats = keep;
    plan.cgroups->append_to(with_seats);
    GANTRY_TRY(close_all_except(with_seats));
    GANTRY_TRY(plan.cgroups->enter());
  }
  return close_all_except(keep);
}

[[noreturn]] void run_body(const LaunchPlan& plan, UniqueFd sync, const std::function<void(ChildSync&)>& body) {
  ChildSync child(std::move(sync));
  if (auto left = leave_keeper(plan, child.fd()); !left) child.fail(left.error());
  if (plan.cgroups != nullptr) child.placed();
  reset_signals();
  restore_descriptor_limit();
  take_title(process_title);
  (void)set_dumpable(false);
  if (plan.user >= 0) {
    if (auto root = become_namespace_root(); !root) child.fail(root.error());
  }
  set_umask(022);
  body(child);
  exit_now(1);
}

struct Born {
  Cloned process;
  bool in_unified_cgroup = false;
};

// Into the cgroup where the kernel lets it be born there; else without, and whoever asked has to move it.
Result<Born> clone_into(uint64_t flags, int cgroup) {
  if (cgroup != no_cgroup) {
    auto made = clone_process(flags, cgroup);
    if (made) return Born{std::move(*made), true};
  }
  auto made = clone_process(flags);
  if (!made) return made.error();
  return Born{std::move(*made), false};
}

// What the launcher needs besides what its child keeps. The child is born with these and no more.
Result<void> leave_keeper_as_launcher(const LaunchPlan& plan, int report, int sync) {
  std::vector<int> keep = plan.keep;
  keep.insert(keep.end(), plan.launcher_keep.begin(), plan.launcher_keep.end());
  keep.insert(keep.end(), {0, 1, 2, report, sync, plan.pid, plan.user, unified_cgroup(plan)});
  if (plan.cgroups != nullptr) plan.cgroups->append_to(keep);
  return close_all_except(keep);
}

// The launcher: joins what only children can be born in, makes the process as its sister, tells its pid and ends.
[[noreturn]] void run_launcher(const LaunchPlan& plan, int report, UniqueFd sync,
                               const std::function<void(ChildSync&)>& body) {
  const auto steps = [&]() -> Result<Born> {
    GANTRY_TRY(leave_keeper_as_launcher(plan, report, sync.get()));
    (void)set_dumpable(false);
    // The pid namespace first where it is given: the host's root may join any.
    if (plan.pid >= 0) GANTRY_TRY(join_namespace(plan.pid, CLONE_NEWPID));
    if (plan.in_launcher) GANTRY_TRY(plan.in_launcher());
    // Still as the host's user 0, to whom the cgroup belongs: the new process becomes the namespace's root itself.
    if (plan.user >= 0) GANTRY_TRY(join_namespace(plan.user, CLONE_NEWUSER));
    return clone_into(CLONE_PARENT | (plan.new_pid ? 0UL + CLONE_NEWPID : 0UL), unified_cgroup(plan));
  };
  auto made = steps();
  if (made && made->process.pid == 0) run_body(plan, std::move(sync), body);
  if (!made) {
    (void)send_packet(report, "E" + encode_error(made.error()));
    exit_now(1);
  }
  (void)send_packet(report, (made->in_unified_cgroup ? "U" : "P") + std::to_string(made->process.pid));
  exit_now(0);
}

// The keeper's only wait for a process: for one that hangs (in a seccomp agent that does not read, most likely) it must not be
// long. What the launcher had made gives up when it finds its socket closed.
Error give_up(const Cloned& launcher) {
  (void)pidfd_send_signal(launcher.pidfd.get(), SIGKILL);
  if (wait_for_end(launcher.pidfd.get(), deadlines::killed_launcher_milliseconds)) (void)pidfd_reap(launcher.pidfd.get());
  return {ETIMEDOUT, "clone", {}, "the launching process did not get its process made in time"};
}

Result<ChildProcess> launch_by_launcher(const LaunchPlan& plan, const std::function<void(ChildSync&)>& body) {
  auto sync = packet_socket_pair();
  if (!sync) return sync.error();
  auto report = packet_socket_pair();
  if (!report) return report.error();
  auto launcher = clone_process(0);
  if (!launcher) return launcher.error();
  if (launcher->pid == 0) {
    sync->first.reset();
    run_launcher(plan, report->second.get(), std::move(sync->second), body);
  }
  report->second.reset();
  if (!wait_for_packet(report->first.get(), deadlines::launcher_milliseconds)) return give_up(*launcher);
  auto answer = receive_packet(report->first.get());
  GANTRY_TRY(wait_for(launcher->pid));
  if (!answer) return Error{ECHILD, "clone", {}, "the launching process died"};
  if (answer->bytes[0] == 'E') return decode_error(std::string_view(answer->bytes).substr(1));
  const pid_t pid = std::atoi(answer->bytes.c_str() + 1);
  // Our child, not reaped yet: the number still means it.
  auto pidfd = pidfd_open(pid);
  if (!pidfd) {
    kill_and_wait(pid);
    return pidfd.error();
  }
  return ChildProcess{pid, std::move(*pidfd), std::move(sync->first), answer->bytes[0] == 'U'};
}

}  // namespace

Result<ChildProcess> launch(const LaunchPlan& plan, const std::function<void(ChildSync&)>& body) {
  if (plan.by_launcher || plan.user >= 0 || plan.pid >= 0) return launch_by_launcher(plan, body);
  auto sync = packet_socket_pair();
  if (!sync) return sync.error();
  auto made = clone_into(plan.new_pid ? CLONE_NEWPID : 0, unified_cgroup(plan));
  if (!made) return made.error();
  if (made->process.pid == 0) {
    sync->first.reset();
    run_body(plan, std::move(sync->second), body);
  }
  return ChildProcess{made->process.pid, std::move(made->process.pidfd), std::move(sync->first), made->in_unified_cgroup};
}

}  // namespace gantry::executor
