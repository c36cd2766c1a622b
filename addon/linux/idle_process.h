// A process that does nothing but exist.
#pragma once

#include <sys/types.h>

#include "linux/result.h"

namespace gantry {

// SIGKILL when the process that made this one (its thread) ends.
Result<void> die_with_parent();
// Waits for signals, which the kernel discards for a PID 1; children that end are forgotten without a zombie. Closes
// every descriptor first.
[[noreturn]] void idle_forever();

void kill_and_wait(pid_t child);

}  // namespace gantry
