#include "linux/clone_process.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "linux/kernel_age.h"
#include "linux/signal_state.h"

namespace gantry {

namespace {

long raw_clone(uint64_t flags, int cgroup, int* pidfd) {
  clone_args args{};
  args.flags = flags | CLONE_PIDFD;
  args.pidfd = reinterpret_cast<uint64_t>(pidfd);
  // A sibling (CLONE_PARENT) gets the exit signal of its creator.
  args.exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD;
  if (cgroup >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<uint64_t>(cgroup);
  }
  if (!pretend_old_kernel) {
    const long pid = ::syscall(SYS_clone3, &args, sizeof args);
    if (pid >= 0 || errno != ENOSYS || cgroup >= 0) return pid;
  }
  if (cgroup >= 0) {
    errno = ENOSYS;
    return -1;
  }
  const unsigned long old_flags = static_cast<unsigned long>(args.flags) | SIGCHLD;
  return ::syscall(SYS_clone, old_flags, nullptr, pidfd, nullptr, nullptr);
}

}  // namespace

Result<Cloned> clone_process(uint64_t flags, int cgroup) {
  sigset_t all, before;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, &before);
  int pidfd = -1;
  const long pid = raw_clone(flags, cgroup, &pidfd);
  if (pid == 0) return Cloned{};
  const int code = errno;
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  errno = code;
  if (pid < 0)
    return errno_error("clone", {}, code == EAGAIN ? "no process can be made: a limit of processes is reached" : "");
  return Cloned{static_cast<pid_t>(pid), UniqueFd(pidfd)};
}

void reset_signals() {
  default_dispositions();
  empty_signal_mask();
}

Result<int> wait_for(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, __WALL) < 0) {
    if (errno != EINTR) return errno_error("waitpid", std::to_string(pid));
  }
  return status;
}

pid_t own_pid() { return ::getpid(); }

void exit_now(int code) { ::_exit(code); }

Result<void> close_all_except(std::span<const int> keep) {
  std::vector<int> kept(keep.begin(), keep.end());
  std::sort(kept.begin(), kept.end());
  unsigned first = 0;
  for (const int fd : kept) {
    if (fd < 0) continue;
    const auto number = static_cast<unsigned>(fd);
    if (number > first && ::close_range(first, number - 1, 0) < 0) return errno_error("close_range");
    first = std::max(first, number + 1);
  }
  if (::close_range(first, ~0U, 0) < 0) return errno_error("close_range");
  return {};
}

Result<void> place_descriptor(int fd, int number) {
  if (::dup2(fd, number) < 0) return errno_error("dup2", std::to_string(number));
  // dup2 of a descriptor onto itself keeps its close-on-exec flag.
  if (fd == number && ::fcntl(fd, F_SETFD, 0) < 0) return errno_error("fcntl", std::to_string(number));
  return {};
}

Result<void> place_stdio(int in, int out, int err) {
  const int ends[] = {in, out, err};
  UniqueFd moved[3];
  for (int i = 0; i < 3; ++i) {
    moved[i].reset(::fcntl(ends[i], F_DUPFD_CLOEXEC, 3));
    if (!moved[i].valid()) return errno_error("fcntl", "F_DUPFD");
  }
  for (int i = 0; i < 3; ++i) GANTRY_TRY(place_descriptor(moved[i].get(), i));
  return {};
}

Result<UniqueFd> open_null() {
  UniqueFd fd(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!fd.valid()) return errno_error("open", "/dev/null");
  return fd;
}

}  // namespace gantry
