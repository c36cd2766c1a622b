#include "linux/userns.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linux/netns.h"
#include "linux/signal_state.h"
#include "linux/unique_fd.h"

namespace gantry {

namespace {

constexpr size_t kStackSize = 64 * 1024;

// A process that only is: its maps are written from outside, with the privileges that it has not. It shares memory and
// thread-local storage with a running parent, so it makes raw system calls that cannot fail, and nothing else.
int be(void*) {
  ::syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  for (;;) ::syscall(SYS_ppoll, nullptr, 0, nullptr, nullptr, 0);
}

class Holder {
 public:
  Holder() {
    stack_ = ::mmap(nullptr, kStackSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack_ == MAP_FAILED) return;
    const SignalsBlocked blocked;
    pid_ = ::clone(be, static_cast<char*>(stack_) + kStackSize, CLONE_VM | CLONE_NEWUSER, nullptr);
  }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;
  ~Holder() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      while (::waitpid(pid_, nullptr, __WALL) < 0 && errno == EINTR) continue;
    }
    if (stack_ != MAP_FAILED) ::munmap(stack_, kStackSize);
  }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  void* stack_ = MAP_FAILED;
  pid_t pid_ = -1;
};

Result<void> write_map(const std::string& path, const std::string& text) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd.valid()) return errno_error("open", path);
  // One write: the kernel takes a map whole, once.
  if (::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return errno_error("write ID map", path, "rejected map: " + text);
  }
  return {};
}

}  // namespace

Result<void> create_user_namespace(const std::string& path, const std::string& uid_map, const std::string& gid_map) {
  const Holder holder;
  if (holder.pid() < 0) {
    return errno_error("clone user namespace", path, "see /proc/sys/user/max_user_namespaces");
  }
  const std::string proc = "/proc/" + std::to_string(holder.pid());
  GANTRY_TRY(write_map(proc + "/uid_map", uid_map));
  GANTRY_TRY(write_map(proc + "/gid_map", gid_map));
  const UniqueFd fd(::open((proc + "/ns/user").c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return errno_error("open", proc + "/ns/user");
  return bind_namespace(fd.get(), path);
}

}  // namespace gantry
