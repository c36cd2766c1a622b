// Cloning this process, with namespaces, and waiting for such children. For a process with one thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>

#include "linux/result.h"
#include "linux/unique_fd.h"

namespace gantry {

struct Cloned {
  pid_t pid = 0;  // as the caller counts; 0: this is the child
  UniqueFd pidfd;
};

// clone3(2), or clone(2) where a seccomp filter hides it. `flags` are CLONE_NEW… and CLONE_PARENT; SIGCHLD tells the
// end. The child starts with all signals blocked, so that no handler of its parent's runs in it: see reset_signals().
// `cgroup`: the directory of a v2 cgroup to be born in (Linux ≥ 5.7); ENOSYS where only clone(2) is to be had.
Result<Cloned> clone_process(uint64_t flags, int cgroup = -1);

// Default dispositions, nothing blocked.
void reset_signals();

pid_t own_pid();

// Waits for a child. Its wait status.
Result<int> wait_for(pid_t pid);
// Ends this process at once: no destructors, no flushing.
[[noreturn]] void exit_now(int code);

// Closes every descriptor that is not in `keep` (negative ones are skipped).
Result<void> close_all_except(std::span<const int> keep);
// Makes `fd` this process's descriptor `number`, inherited by what it execs.
Result<void> place_descriptor(int fd, int number);
// Makes three descriptors 0, 1 and 2, whichever numbers they have now.
Result<void> place_stdio(int in, int out, int err);
// /dev/null, close-on-exec.
Result<UniqueFd> open_null();

}  // namespace gantry
