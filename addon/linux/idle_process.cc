#include "linux/idle_process.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "linux/clone_process.h"
#include "linux/own_memory.h"

namespace gantry {

Result<void> die_with_parent() {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) return errno_error("prctl", "PR_SET_PDEATHSIG");
  return {};
}

void idle_forever() {
  // The kernel reaps in our place, orphans included.
  ::signal(SIGCHLD, SIG_IGN);
  ::close_range(0, ~0U, 0);
  give_back_own_memory();
  for (;;) ::pause();
}

void kill_and_wait(pid_t child) {
  ::kill(child, SIGKILL);
  (void)wait_for(child);
}

}  // namespace gantry
