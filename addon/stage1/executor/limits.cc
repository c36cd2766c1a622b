#include <cctype>
#include <cstdlib>

#include "linux/process_settings.h"
#include "stage1/executor/program.h"

namespace gantry::executor {

namespace {

using contract::OciProcess;

// Without CAP_SYS_RESOURCE a hard limit can only sink: as much as there is, and a warning.
Result<void> apply_rlimit(const contract::OciRlimit& wanted, const ChildSync& sync) {
  const int number = limit_number(wanted.type);
  if (number < 0) return Error{EINVAL, "prlimit", wanted.type, "unknown resource limit"};
  if (wanted.soft > wanted.hard) return Error{EINVAL, "prlimit", wanted.type, "the soft limit is above the hard one"};
  auto set = set_limit(number, {wanted.soft, wanted.hard});
  if (set || set.error().code != EPERM) {
    if (!set) set.error().subject = wanted.type;
    return set;
  }
  auto now = get_limit(number);
  if (!now) return now.error();
  const Limit clamped{std::min(wanted.soft, now->hard), std::min(wanted.hard, now->hard)};
  GANTRY_TRY(set_limit(number, clamped));
  sync.warn(wanted.type + " is limited to " + std::to_string(clamped.hard) +
            ": stage1 lacks CAP_SYS_RESOURCE to raise its own limit");
  return {};
}

Result<void> apply_oom_score(const ProcDir& proc, int wanted, const ChildSync& sync) {
  auto now = proc.read("self/oom_score_adj");
  if (now && std::atoi(now->c_str()) == wanted) return {};
  auto written = proc.write("self/oom_score_adj", std::to_string(wanted));
  if (written || (written.error().code != EACCES && written.error().code != EPERM)) return written;
  sync.warn("oom_score_adj stays " + (now ? now->substr(0, now->find('\n')) : "as it is") + " in place of " +
            std::to_string(wanted) + ": lowering it needs CAP_SYS_RESOURCE");
  return {};
}

Result<void> apply_scheduler(const contract::OciScheduler& wanted) {
  Scheduling scheduling{scheduling_policy(wanted.policy),
                        0,
                        wanted.nice,
                        static_cast<uint32_t>(wanted.priority),
                        wanted.runtime,
                        wanted.deadline,
                        wanted.period};
  if (scheduling.policy < 0) return Error{EINVAL, "sched_setattr", wanted.policy, "unknown scheduling policy"};
  for (const std::string& name : wanted.flags) {
    const int64_t flag = scheduling_flag(name);
    if (flag < 0) return Error{EINVAL, "sched_setattr", name, "unknown scheduling flag"};
    scheduling.flags |= static_cast<uint64_t>(flag);
  }
  return set_scheduling(scheduling);
}

Result<void> apply_io_priority(const contract::OciIoPriority& wanted) {
  const int io_class = wanted.io_class == "IOPRIO_CLASS_RT"     ? 1
                       : wanted.io_class == "IOPRIO_CLASS_BE"   ? 2
                       : wanted.io_class == "IOPRIO_CLASS_IDLE" ? 3
                                                                : 0;
  if (io_class == 0) return Error{EINVAL, "ioprio_set", wanted.io_class, "unknown class of I/O priority"};
  return set_io_priority(io_class, wanted.priority);
}

}  // namespace

Result<void> apply_limits(const ProcDir* proc, const OciProcess& process, const ChildSync& sync) {
  for (const contract::OciRlimit& limit : process.rlimits) GANTRY_TRY(apply_rlimit(limit, sync));
  if (proc != nullptr && process.oom_score_adj) GANTRY_TRY(apply_oom_score(*proc, *process.oom_score_adj, sync));
  if (process.scheduler) GANTRY_TRY(apply_scheduler(*process.scheduler));
  if (process.io_priority) GANTRY_TRY(apply_io_priority(*process.io_priority));
  set_umask(process.user.umask.value_or(0022));
  return {};
}

}  // namespace gantry::executor
