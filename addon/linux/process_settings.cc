#include "linux/process_settings.h"

#include <linux/keyctl.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace gantry {

namespace {

struct Named {
  const char* name;
  int64_t value;
};

int64_t find(std::span<const Named> table, const std::string& name) {
  for (const Named& entry : table) {
    if (name == entry.name) return entry.value;
  }
  return -1;
}

constexpr Named limits[] = {{"RLIMIT_CPU", RLIMIT_CPU},           {"RLIMIT_FSIZE", RLIMIT_FSIZE},
                            {"RLIMIT_DATA", RLIMIT_DATA},         {"RLIMIT_STACK", RLIMIT_STACK},
                            {"RLIMIT_CORE", RLIMIT_CORE},         {"RLIMIT_RSS", RLIMIT_RSS},
                            {"RLIMIT_NPROC", RLIMIT_NPROC},       {"RLIMIT_NOFILE", RLIMIT_NOFILE},
                            {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},   {"RLIMIT_AS", RLIMIT_AS},
                            {"RLIMIT_LOCKS", RLIMIT_LOCKS},       {"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
                            {"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE}, {"RLIMIT_NICE", RLIMIT_NICE},
                            {"RLIMIT_RTPRIO", RLIMIT_RTPRIO},     {"RLIMIT_RTTIME", RLIMIT_RTTIME}};

constexpr Named policies[] = {{"SCHED_OTHER", 0}, {"SCHED_FIFO", 1}, {"SCHED_RR", 2},      {"SCHED_BATCH", 3},
                              {"SCHED_ISO", 4},   {"SCHED_IDLE", 5}, {"SCHED_DEADLINE", 6}};

constexpr Named scheduling_flags[] = {{"SCHED_FLAG_RESET_ON_FORK", 0x01}, {"SCHED_FLAG_RECLAIM", 0x02},
                                      {"SCHED_FLAG_DL_OVERRUN", 0x04},    {"SCHED_FLAG_KEEP_POLICY", 0x08},
                                      {"SCHED_FLAG_KEEP_PARAMS", 0x10},   {"SCHED_FLAG_UTIL_CLAMP_MIN", 0x20},
                                      {"SCHED_FLAG_UTIL_CLAMP_MAX", 0x40}};

// The kernel's struct sched_attr, first version.
struct SchedulerAttributes {
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime, deadline, period;
};

}  // namespace

Result<void> set_user(uid_t uid, gid_t gid, const std::vector<gid_t>& groups) {
  if (::syscall(SYS_setgroups, groups.size(), groups.data()) < 0) {
    if (errno == EINVAL)
      return errno_error("setgroups", {}, "a supplemental group is not mapped in the user namespace");
    // A namespace with setgroups denied: its groups are given, which is an error only if others were asked for.
    if (errno != EPERM || !groups.empty()) return errno_error("setgroups");
  }
  if (::setresgid(gid, gid, gid) < 0) {
    return errno_error("setresgid", std::to_string(gid),
                       errno == EINVAL ? "this group is not mapped in the user namespace" : "");
  }
  if (::setresuid(uid, uid, uid) < 0) {
    return errno_error("setresuid", std::to_string(uid),
                       errno == EINVAL ? "this user is not mapped in the user namespace" : "");
  }
  return {};
}

void set_umask(mode_t mask) { ::umask(mask); }

Result<void> new_session() {
  if (::setsid() < 0) return errno_error("setsid");
  return {};
}

int limit_number(const std::string& name) { return static_cast<int>(find(limits, name)); }

Result<Limit> get_limit(int number) {
  struct rlimit limit {};
  if (::prlimit(0, static_cast<__rlimit_resource>(number), nullptr, &limit) < 0) return errno_error("prlimit");
  return Limit{limit.rlim_cur, limit.rlim_max};
}

Result<void> set_limit(int number, Limit limit) {
  const struct rlimit wanted { limit.soft, limit.hard };
  if (::prlimit(0, static_cast<__rlimit_resource>(number), &wanted, nullptr) < 0) return errno_error("prlimit");
  return {};
}

Result<void> set_dumpable(bool dumpable) {
  if (::prctl(PR_SET_DUMPABLE, dumpable ? 1 : 0, 0, 0, 0) < 0) return errno_error("prctl", "PR_SET_DUMPABLE");
  return {};
}

Result<void> set_no_new_privileges() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return errno_error("prctl", "PR_SET_NO_NEW_PRIVS");
  return {};
}

void set_process_name(const char* name) { ::prctl(PR_SET_NAME, name, 0, 0, 0); }

int scheduling_policy(const std::string& name) { return static_cast<int>(find(policies, name)); }
int64_t scheduling_flag(const std::string& name) { return find(scheduling_flags, name); }

Result<void> set_scheduling(const Scheduling& wanted) {
  SchedulerAttributes attributes{sizeof(SchedulerAttributes),
                                 static_cast<uint32_t>(wanted.policy),
                                 wanted.flags,
                                 wanted.nice,
                                 wanted.priority,
                                 wanted.runtime,
                                 wanted.deadline,
                                 wanted.period};
  if (::syscall(SYS_sched_setattr, 0, &attributes, 0) < 0) return errno_error("sched_setattr");
  return {};
}

Result<void> set_io_priority(int io_class, int priority) {
  if (::syscall(SYS_ioprio_set, 1 /* this process */, 0, io_class << 13 | priority) < 0)
    return errno_error("ioprio_set");
  return {};
}

Result<void> set_personality(unsigned long persona) {
  if (::personality(persona) < 0) return errno_error("personality");
  return {};
}

Result<void> set_affinity(std::span<const int> cpus) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int cpu : cpus) {
    if (cpu >= 0 && cpu < CPU_SETSIZE) CPU_SET(static_cast<size_t>(cpu), &set);
  }
  if (::sched_setaffinity(0, sizeof set, &set) < 0) return errno_error("sched_setaffinity");
  return {};
}

Result<void> join_session_keyring(const std::string& name) {
  const long keyring = ::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name.c_str());
  if (keyring < 0) return errno_error("keyctl", name);
  return {};
}

}  // namespace gantry
