// Every wait of stage1 that something outside it can hold up, and how long it may take: the one table. The server's is
// src/base/deadlines.ts. A wait there for an answer of stage1 is longer than what stage1 waits for here, but for an exec's: its caller
// is told of a time-out after three seconds, whether its processes have died by then or not.
#pragma once

#include <cstdint>

#include "linux/clock.h"

namespace gantry::deadlines {

inline constexpr int64_t seconds = nanoseconds_a_second, milliseconds = nanoseconds_a_millisecond;

// In nanoseconds, but where a name says milliseconds.

// A process between its clone and its exec, which a seccomp agent or a mount may hold up; and its end once it was killed.
inline constexpr int launcher_milliseconds = 8000, killed_launcher_milliseconds = 1000;
// stage1's own exit, as the process that removes its cgroup after it waits for it.
inline constexpr int stage1_end_milliseconds = 10'000;

// From SIGTERM to stage1 itself to SIGKILL for its apps.
inline constexpr int64_t signal_grace = 10 * seconds;
// A killed app until its cgroup is empty; then the removal of that cgroup.
inline constexpr int64_t kill_app = 10 * seconds, remove_cgroup = 2 * seconds;
// The pod's PID 1 after its kill; the command of `on_exit`; the last answers to clients.
inline constexpr int64_t end_init = 10 * seconds, on_exit = 120 * seconds, good_bye = 2 * seconds;

// Byte streams that a request has announced, until each has connected.
inline constexpr int64_t connect_stream = 10 * seconds, connect_exec_streams = 10 * seconds;
// A client that takes nothing: while its app runs, once its app has ended, once its exec has ended, once that exec was killed.
inline constexpr int64_t idle_client = 60 * seconds, idle_client_at_end = 10 * seconds, idle_exec_client = 10 * seconds,
                         idle_client_of_killed = 500 * milliseconds;
// A client that has all, until it closes.
inline constexpr int64_t linger = 2 * seconds;
// Output of an ended app whose pipe others hold open, without a byte.
inline constexpr int64_t drain = 2 * seconds;

// A log's opening: an error that comes within it is the creation's own, and a slower disk is not waited for.
inline constexpr int64_t open_log = 250 * milliseconds;
// The log process's room for a line that is at hand; and the age of a job from which on the disk is said not to answer.
inline constexpr int64_t log_room = 5 * milliseconds, log_disk = 10 * seconds;

}  // namespace gantry::deadlines
