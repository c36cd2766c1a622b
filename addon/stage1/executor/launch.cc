#include "stage1/executor/launch.h"

#include <cstdlib>

#include "linux/clone_process.h"
#include "linux/namespaces.h"
#include "linux/packet_socket.h"
#include "linux/pidfd.h"
#include "linux/process_settings.h"

namespace gantry::executor {

namespace {

[[noreturn]] void run_body(const LaunchPlan& plan, UniqueFd sync, const std::function<void(ChildSync&)>& body) {
  // First of all: the keeper's lock, sockets and logs must not live on in here.
  std::vector<int> keep = plan.keep;
  keep.insert(keep.end(), {0, 1, 2, sync.get()});
  ChildSync child(std::move(sync));
  if (auto closed = close_all_except(keep); !closed) child.fail(closed.error());
  reset_signals();
  (void)set_dumpable(false);
  set_umask(022);
  body(child);
  exit_now(1);
}

// The launcher: joins what only children can be born in, makes the process as its sister, tells its pid and ends.
[[noreturn]] void run_launcher(const LaunchPlan& plan, int report, UniqueFd sync,
                               const std::function<void(ChildSync&)>& body) {
  const auto steps = [&]() -> Result<Cloned> {
    // The pid namespace first where it is given: the host's root may join any.
    if (plan.pid >= 0) GANTRY_TRY(join_namespace(plan.pid, CLONE_NEWPID));
    if (plan.in_launcher) GANTRY_TRY(plan.in_launcher());
    if (plan.user >= 0) {
      GANTRY_TRY(join_namespace(plan.user, CLONE_NEWUSER));
      GANTRY_TRY(become_namespace_root());
    }
    return clone_process(CLONE_PARENT | (plan.new_pid ? 0UL + CLONE_NEWPID : 0UL));
  };
  auto made = steps();
  if (made && made->pid == 0) run_body(plan, std::move(sync), body);
  if (!made) {
    (void)send_packet(report, "E" + encode_error(made.error()));
    exit_now(1);
  }
  (void)send_packet(report, "P" + std::to_string(made->pid));
  exit_now(0);
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
  auto answer = receive_packet(report->first.get());
  GANTRY_TRY(wait_for(launcher->pid));
  if (!answer) return Error{ECHILD, "clone", {}, "the launching process died"};
  if (answer->bytes[0] == 'E') return decode_error(std::string_view(answer->bytes).substr(1));
  const pid_t pid = std::atoi(answer->bytes.c_str() + 1);
  // Our child, not reaped yet: the number still means it.
  auto pidfd = pidfd_open(pid);
  if (!pidfd) return pidfd.error();
  return ChildProcess{pid, std::move(*pidfd), std::move(sync->first)};
}

}  // namespace

Result<ChildProcess> launch(const LaunchPlan& plan, const std::function<void(ChildSync&)>& body) {
  if (plan.by_launcher || plan.user >= 0 || plan.pid >= 0) return launch_by_launcher(plan, body);
  auto sync = packet_socket_pair();
  if (!sync) return sync.error();
  auto made = clone_process(plan.new_pid ? CLONE_NEWPID : 0);
  if (!made) return made.error();
  if (made->pid == 0) {
    sync->first.reset();
    run_body(plan, std::move(sync->second), body);
  }
  return ChildProcess{made->pid, std::move(made->pidfd), std::move(sync->first)};
}

}  // namespace gantry::executor
