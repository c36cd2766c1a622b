// Processes by descriptor: no pid can be reused between looking and acting.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "linux/result.h"
#include "linux/unique_fd.h"

namespace gantry {

// How a child ended, as waitid(2) tells.
struct ExitStatus {
  int code = 0;    // 0–255, or 128 + signal
  int signal = 0;  // 0: it exited
};

Result<UniqueFd> pidfd_open(pid_t pid);
// ESRCH when the process is gone.
Result<void> pidfd_send_signal(int pidfd, int signal);
// Reaps a child that has ended; EAGAIN while it runs.
Result<ExitStatus> pidfd_reap(int pidfd);
// Waits until the process has ended, whoever's child it is. ETIMEDOUT; EINTR.
Result<void> wait_for_end(int pidfd, int milliseconds);
// Field 22 of /proc/<pid>/stat, clock ticks since boot; 0 when it cannot be read.
uint64_t process_start_time(pid_t pid);
// Whether it has execed since it was cloned; also of one that has ended and was not reaped. True when it cannot be read.
bool process_has_execed(pid_t pid);
// /proc/<pid>/oom_score_adj; 0 is this process.
Result<void> write_oom_score_adj(pid_t pid, int value);
Result<int> read_oom_score_adj(pid_t pid);

}  // namespace gantry
