#include "linux/pidfd.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>

#include "linux/atomic_file.h"

namespace gantry {

namespace {

std::string oom_score_path(pid_t pid) { return "/proc/" + (pid == 0 ? "self" : std::to_string(pid)) + "/oom_score_adj"; }

// A number of /proc/<pid>/stat, counted from 1 as in proc(5).
std::optional<uint64_t> stat_field(pid_t pid, int number) {
  auto stat = read_file("/proc/" + std::to_string(pid) + "/stat", 4096);
  if (!stat.ok()) return std::nullopt;
  // The command's name is in parentheses and may contain anything; counting starts behind the last one.
  size_t at = stat->rfind(')');
  for (int field = 2; at != std::string::npos && field < number; ++field) at = stat->find(' ', at + 1);
  if (at == std::string::npos) return std::nullopt;
  return std::strtoull(stat->c_str() + at + 1, nullptr, 10);
}

}  // namespace

Result<UniqueFd> pidfd_open(pid_t pid) {
  UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!fd.valid()) return errno_error("pidfd_open", std::to_string(pid));
  return fd;
}

Result<void> pidfd_send_signal(int pidfd, int signal) {
  if (::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) < 0) {
    return errno_error("pidfd_send_signal", std::to_string(signal));
  }
  return {};
}

Result<ExitStatus> pidfd_reap(int pidfd) {
  siginfo_t info{};
  // __WALL: the child may have been cloned with another exit signal than SIGCHLD, or none.
  while (::waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED | WNOHANG | __WALL) < 0) {
    if (errno != EINTR) return errno_error("waitid", "pidfd " + std::to_string(pidfd));
  }
  if (info.si_pid == 0) return Error{EAGAIN, "waitid", "pidfd " + std::to_string(pidfd), {}};
  if (info.si_code == CLD_EXITED) return ExitStatus{info.si_status & 0xff, 0};
  return ExitStatus{128 + info.si_status, info.si_status};
}

Result<void> wait_for_end(int pidfd, int milliseconds) {
  pollfd end{pidfd, POLLIN, 0};
  const int count = ::poll(&end, 1, milliseconds);
  if (count > 0) return {};
  return count < 0 ? errno_error("poll", "pidfd " + std::to_string(pidfd)) : Error{ETIMEDOUT, "poll", "pidfd", {}};
}

uint64_t process_start_time(pid_t pid) { return stat_field(pid, 22).value_or(0); }

bool process_has_execed(pid_t pid) {
  constexpr uint64_t fork_no_exec = 0x40;  // PF_FORKNOEXEC of the kernel's linux/sched.h
  return (stat_field(pid, 9).value_or(0) & fork_no_exec) == 0;
}

Result<void> write_oom_score_adj(pid_t pid, int value) {
  const std::string path = oom_score_path(pid);
  auto fd = open_file(path, O_WRONLY);
  if (!fd) return fd.error();
  const std::string text = std::to_string(value);
  if (::write(fd->get(), text.data(), text.size()) < 0) return errno_error("write", path, text);
  return {};
}

Result<int> read_oom_score_adj(pid_t pid) {
  auto text = read_file(oom_score_path(pid), 64);
  if (!text.ok()) return text.error();
  return std::atoi(text->c_str());
}

}  // namespace gantry
