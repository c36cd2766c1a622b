#include "linux/vfork_spawn.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <climits>

#include "linux/argument_list.h"
#include "linux/clone_into_cgroup.h"
#include "linux/signal_state.h"

namespace gantry {

namespace {

constexpr size_t kSpawnStackSize = 256 * 1024;

// Everything that the child needs, prepared beforehand: it must not allocate. It reports a failure by writing into
// `failed_errno` and `failed_operation`, which are its parent's memory.
struct Plan {
  const char* path;
  char* const* argv;
  char* const* env;
  const int* sources;
  int* moved;
  int count;
  rlim_t nofile_soft;
  int executable;
  int failed_errno;
  const char* failed_operation;
};

int fail(Plan& plan, const char* operation) {
  plan.failed_errno = errno;
  plan.failed_operation = operation;
  return 127;
}

bool close_range(int first, unsigned last) { return ::syscall(SYS_close_range, first, last, 0) == 0; }

// First everything moves above the targets, then down to its place: no source is overwritten before it was copied.
bool arrange_descriptors(Plan& plan) {
  for (int i = 0; i < plan.count; ++i) {
    const bool null = plan.sources[i] < 0;
    const int source = null ? ::open("/dev/null", O_RDWR | O_CLOEXEC) : plan.sources[i];
    if (source < 0) return false;
    plan.moved[i] = ::fcntl(source, F_DUPFD_CLOEXEC, plan.count);
    if (plan.moved[i] < 0) return false;
    if (null) ::close(source);
  }
  if (plan.executable >= 0) {
    plan.executable = ::fcntl(plan.executable, F_DUPFD_CLOEXEC, plan.count);
    if (plan.executable < 0) return false;
  }
  for (int i = 0; i < plan.count; ++i) {
    if (::dup2(plan.moved[i], i) < 0) return false;
  }
  if (plan.executable < 0) return close_range(plan.count, UINT_MAX);
  // The executable closes with the exec.
  const bool below = plan.executable == plan.count || close_range(plan.count, plan.executable - 1);
  return below && close_range(plan.executable + 1, UINT_MAX);
}

int child(void* argument) {
  auto& plan = *static_cast<Plan*>(argument);
  if (::setsid() < 0) return fail(plan, "setsid");
  default_dispositions();
  if (!arrange_descriptors(plan)) return fail(plan, "arrange descriptors for");
  if (::chdir("/") != 0) return fail(plan, "chdir to / for");
  set_soft_nofile(plan.nofile_soft);
  empty_signal_mask();
  if (plan.executable >= 0) {
    ::syscall(SYS_execveat, plan.executable, "", plan.argv, plan.env, AT_EMPTY_PATH);
  } else {
    ::execve(plan.path, plan.argv, plan.env);
  }
  return fail(plan, "execve");
}

}  // namespace

Result<pid_t> vfork_call(int flags, int (*body)(void*), void* argument, int cgroup) {
  void* stack = ::mmap(nullptr, kSpawnStackSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED) return errno_error("mmap", "child stack");
  const SignalsBlocked blocked;
  pid_t pid = -1;
  if (cgroup >= 0) pid = clone_into_cgroup({stack, kSpawnStackSize}, flags, body, argument, cgroup);
  if (pid < 0) pid = ::clone(body, static_cast<char*>(stack) + kSpawnStackSize, CLONE_VM | CLONE_VFORK | flags, argument);
  const int code = errno;
  ::munmap(stack, kSpawnStackSize);
  if (pid < 0) return Error{code, "clone", "", ""};
  return pid;
}

Result<pid_t> vfork_spawn(const SpawnRequest& request) {
  if (request.argv.empty()) return Error{EINVAL, "spawn", "", "argv is empty"};
  const ArgumentList argv(request.argv);
  const ArgumentList env(request.env);
  std::vector<int> moved(request.fds.size());
  Plan plan{request.argv[0].c_str(), argv.get(), env.get(), request.fds.data(), moved.data(),
            static_cast<int>(request.fds.size()), request.nofile_soft, request.executable, 0, nullptr};
  auto pid = vfork_call(SIGCHLD, child, &plan, request.cgroup);
  if (!pid) return pid;
  if (plan.failed_errno != 0) {
    while (::waitpid(*pid, nullptr, 0) < 0 && errno == EINTR) continue;
    return Error{plan.failed_errno, plan.failed_operation, request.argv[0], ""};
  }
  return pid;
}

Result<std::optional<int>> reap_child(pid_t pid) {
  int status = 0;
  const pid_t got = ::waitpid(pid, &status, WNOHANG);
  if (got < 0) return errno_error("waitpid", std::to_string(pid));
  return got == 0 ? std::optional<int>() : std::optional<int>(status);
}

}  // namespace gantry
