// What a process carries through exec besides its namespaces and capabilities: user, limits, scheduling, dumpability.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "linux/result.h"

namespace gantry {

// Groups (unless the user namespace forbids setgroups), group, user, in this order.
Result<void> set_user(uid_t uid, gid_t gid, const std::vector<gid_t>& groups);
void set_umask(mode_t mask);
Result<void> new_session();

// "RLIMIT_NOFILE" → its number; -1 when the name is not known.
int limit_number(const std::string& name);
struct Limit {
  uint64_t soft = 0, hard = 0;
};
Result<Limit> get_limit(int number);
Result<void> set_limit(int number, Limit limit);

// Descriptions of another process's memory are root's alone while this is off; exec turns it on again.
Result<void> set_dumpable(bool dumpable);
Result<void> set_no_new_privileges();
void set_process_name(const char* name);

struct Scheduling {
  int policy = 0;  // SCHED_*
  uint64_t flags = 0;
  int nice = 0;
  uint32_t priority = 0;
  uint64_t runtime = 0, deadline = 0, period = 0;  // nanoseconds
};
int scheduling_policy(const std::string& name);    // "SCHED_OTHER" …; -1
int64_t scheduling_flag(const std::string& name);  // "SCHED_FLAG_RECLAIM" …; -1
Result<void> set_scheduling(const Scheduling& scheduling);
Result<void> set_io_priority(int io_class, int priority);  // class: 1 realtime, 2 best effort, 3 idle
Result<void> set_personality(unsigned long persona);
Result<void> set_affinity(std::span<const int> cpus);

// A session keyring of its own; ENOSYS where the kernel has none.
Result<void> join_session_keyring(const std::string& name);

}  // namespace gantry
