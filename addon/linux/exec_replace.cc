#include "linux/exec_replace.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdlib>
#include <filesystem>

#include "linux/argument_list.h"
#include "linux/signal_state.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

namespace gantry {

namespace {

// Ignored signals are what an exec hands on; handlers it resets itself. Put back when the exec failed.
class IgnoredSignals {
 public:
  void reset() {
    for (int number = 1; number < NSIG; ++number) {
      struct sigaction now {};
      if (::sigaction(number, nullptr, &now) != 0 || now.sa_handler != SIG_IGN) continue;
      struct sigaction standard {};
      standard.sa_handler = SIG_DFL;
      ignored_[static_cast<size_t>(number)] = ::sigaction(number, &standard, nullptr) == 0;
    }
  }
  void restore() const {
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    for (size_t number = 1; number < ignored_.size(); ++number) {
      if (ignored_[number]) ::sigaction(static_cast<int>(number), &ignore, nullptr);
    }
  }

 private:
  std::array<bool, NSIG> ignored_{};
};

// CLOSE_RANGE_CLOEXEC is Linux 5.11; before it, one descriptor at a time.
void close_all_on_exec() {
  if (::syscall(SYS_close_range, 3, UINT_MAX, CLOSE_RANGE_CLOEXEC) == 0) return;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", ignored)) {
    const int fd = std::atoi(entry.path().filename().c_str());
    if (fd > 2) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
}

// Node makes the pipes and terminals that it writes to non-blocking, and that flag belongs to the open file.
void make_blocking(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags >= 0 && (flags & O_NONBLOCK) != 0) ::fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
}

}  // namespace

Error exec_replace(const ExecRequest& request) {
  const ArgumentList argv(request.argv);
  const ArgumentList env(request.env);
  close_all_on_exec();
  for (const int fd : request.keep_fds) {
    if (::fcntl(fd, F_SETFD, 0) != 0) return errno_error("keep descriptor", std::to_string(fd));
  }
  for (int fd = 0; fd <= 2; ++fd) {
    ::fcntl(fd, F_SETFD, 0);  // Node marks even these close-on-exec
    make_blocking(fd);
  }
  struct rlimit limit {};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  sigset_t mask;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  IgnoredSignals signals;
  signals.reset();
  set_soft_nofile(request.nofile_soft);
  empty_signal_mask();
  ::execve(request.path.c_str(), argv.get(), env.get());
  auto error = errno_error("execve", request.path);
  ::pthread_sigmask(SIG_SETMASK, &mask, nullptr);
  ::setrlimit(RLIMIT_NOFILE, &limit);
  signals.restore();
  return error;
}

}  // namespace gantry
