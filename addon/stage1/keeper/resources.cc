// linux.resources of the OCI runtime specification (config-linux.md, "Control groups"), written to v1's or v2's files.
#include <cmath>

#include "linux/cgroup_devices.h"
#include "stage1/keeper/resource_files.h"

namespace gantry::keeper {

namespace {

std::string number_or(int64_t value, const char* unlimited) { return value < 0 ? unlimited : std::to_string(value); }

void write_memory_v1(ResourceFiles& files, const contract::OciMemory& memory) {
  const std::string limit_file = "memory.limit_in_bytes", swap_file = "memory.memsw.limit_in_bytes";
  std::optional<int64_t> swap = memory.swap;
  // Unlimited memory under an old limit of memory and swap would be refused.
  if (memory.limit && *memory.limit < 0 && !swap) swap = -1;
  const bool can_swap = files.has_file("memory", swap_file);
  files.about("memory.swap");
  if (swap && *swap > 0 && !can_swap) files.write("memory", swap_file, std::to_string(*swap));
  files.about("memory.limit");
  if (memory.limit && *memory.limit != 0) {
    // Raised, the limit may be above the old sum with swap, which must then go first; lowered, the sum must follow.
    auto first = files.attempt("memory", limit_file, number_or(*memory.limit, "-1"));
    if (!first.ok() && first.error().code == EINVAL && swap && can_swap) {
      files.write("memory", swap_file, number_or(*swap, "-1"));
      files.write("memory", limit_file, number_or(*memory.limit, "-1"));
    } else if (!first.ok()) {
      files.fail(std::move(first.error()));
    }
  }
  files.about("memory.swap");
  if (swap && *swap != 0 && can_swap) files.write("memory", swap_file, number_or(*swap, "-1"));
  files.about("memory.reservation");
  if (memory.reservation && *memory.reservation != 0) {
    files.write("memory", "memory.soft_limit_in_bytes", number_or(*memory.reservation, "-1"));
  }
  files.about("memory.kernelTCP");
  if (memory.kernel_tcp && *memory.kernel_tcp != 0) {
    files.write("memory", "memory.kmem.tcp.limit_in_bytes", number_or(*memory.kernel_tcp, "-1"));
  }
  files.about("memory.swappiness");
  if (memory.swappiness) files.write("memory", "memory.swappiness", std::to_string(*memory.swappiness));
  files.about("memory.disableOOMKiller");
  if (memory.disable_oom_killer) files.write("memory", "memory.oom_control", *memory.disable_oom_killer ? "1" : "0");
}

// v2 limits swap alone where OCI, like v1, has the sum.
void write_swap_v2(ResourceFiles& files, const contract::OciMemory& memory) {
  if (!memory.swap || *memory.swap == 0) return;
  files.about("memory.swap");
  if (*memory.swap < 0) return files.write_if_there("memory", "memory.swap.max", "max");
  int64_t limit = memory.limit.value_or(0);
  if (limit == 0) limit = std::strtoll(files.read("memory", "memory.max").c_str(), nullptr, 10);
  if (limit <= 0 || *memory.swap < limit) {
    return files.refuse("it is memory plus swap and must not be below memory.limit");
  }
  const std::string swap = std::to_string(*memory.swap - limit);
  // Without swap accounting none is used beyond the limit anyway.
  if (swap == "0" && !files.has_file("memory", "memory.swap.max")) return;
  files.write("memory", "memory.swap.max", swap);
}

void write_memory_v2(ResourceFiles& files, const contract::OciMemory& memory) {
  write_swap_v2(files, memory);
  files.about("memory.limit");
  if (memory.limit && *memory.limit != 0) files.write("memory", "memory.max", number_or(*memory.limit, "max"));
  files.about("memory.reservation");
  if (memory.reservation && *memory.reservation != 0) {
    files.write("memory", "memory.low", number_or(*memory.reservation, "max"));
  }
}

void write_cpu_quota_v1(ResourceFiles& files, const contract::OciCpu& cpu) {
  const std::string period_file = "cpu.cfs_period_us", quota_file = "cpu.cfs_quota_us";
  const bool has_quota = cpu.quota && *cpu.quota != 0;
  files.about("cpu.period");
  if (cpu.period && *cpu.period != 0) {
    // Against the old quota the new period may be more than the parent allows: then the quota goes first.
    auto first = files.attempt("cpu", period_file, std::to_string(*cpu.period));
    if (!first.ok() && first.error().code == EINVAL && has_quota) {
      files.write("cpu", quota_file, number_or(*cpu.quota, "-1"));
      files.write("cpu", period_file, std::to_string(*cpu.period));
    } else if (!first.ok()) {
      files.fail(std::move(first.error()));
    }
  }
  files.about("cpu.quota");
  if (has_quota) files.write("cpu", quota_file, number_or(*cpu.quota, "-1"));
  files.about("cpu.burst");
  if (cpu.burst) files.write("cpu", "cpu.cfs_burst_us", std::to_string(*cpu.burst));
}

void write_cpu_v1(ResourceFiles& files, const contract::OciCpu& cpu) {
  files.about("cpu.idle");
  if (cpu.idle) files.write("cpu", "cpu.idle", std::to_string(*cpu.idle));
  files.about("cpu.shares");
  if (cpu.shares && *cpu.shares != 0 && cpu.idle.value_or(0) == 0) {
    files.write("cpu", "cpu.shares", std::to_string(*cpu.shares));
  }
  write_cpu_quota_v1(files, cpu);
  files.about("cpu.realtimePeriod");
  if (cpu.realtime_period && *cpu.realtime_period != 0) {
    files.write("cpu", "cpu.rt_period_us", std::to_string(*cpu.realtime_period));
  }
  files.about("cpu.realtimeRuntime");
  if (cpu.realtime_runtime && *cpu.realtime_runtime != 0) {
    files.write("cpu", "cpu.rt_runtime_us", std::to_string(*cpu.realtime_runtime));
  }
}

void write_cpu_v2(ResourceFiles& files, const contract::OciCpu& cpu) {
  files.about("cpu.idle");
  if (cpu.idle) files.write("cpu", "cpu.idle", std::to_string(*cpu.idle));
  files.about("cpu.shares");
  if (cpu.shares && *cpu.shares != 0 && cpu.idle.value_or(0) == 0) {
    files.write("cpu", "cpu.weight", std::to_string(cpu_weight_of_shares(*cpu.shares)));
  }
  const bool has_quota = cpu.quota && *cpu.quota != 0;
  const bool has_period = cpu.period && *cpu.period != 0;
  files.about(has_quota ? "cpu.quota" : "cpu.period");
  if (has_quota || has_period) {
    const std::string now = files.read("cpu", "cpu.max");
    const std::string quota = has_quota ? number_or(*cpu.quota, "max") : now.substr(0, now.find(' '));
    files.write("cpu", "cpu.max", (quota.empty() ? "max" : quota) + (has_period ? " " + std::to_string(*cpu.period) : ""));
  }
  files.about("cpu.burst");
  if (cpu.burst) files.write("cpu", "cpu.max.burst", std::to_string(*cpu.burst));
}

void write_set(ResourceFiles& files, const std::string& kind, const std::string& wanted) {
  if (wanted.empty()) return;
  files.about("cpu." + kind);
  auto written = files.attempt("cpuset", "cpuset." + kind, wanted);
  if (written.ok()) return;
  // v1 says so of CPUs that the parent cgroup has not.
  if (written.error().code == EACCES || written.error().code == ENOSPC) written.error().code = EINVAL;
  const std::string parents = files.of_parent("cpuset", "cpuset.effective_" + kind, "cpuset." + kind + ".effective");
  if (!parents.empty()) written.error().message += "; its parent cgroup has " + parents;
  files.fail(std::move(written.error()));
}

// config-linux.md, "Memory": asked for, a limit below what is in use is refused in place of killing for it.
void check_usage(ResourceFiles& files, int64_t limit) {
  const std::string usage = files.read("memory", files.is_v2("memory") ? "memory.current" : "memory.usage_in_bytes");
  if (std::strtoll(usage.c_str(), nullptr, 10) <= limit) return;
  files.about("memory.limit");
  files.refuse("it is below what is in use, " + usage.substr(0, usage.find('\n')) + " bytes, and checkBeforeUpdate is set");
}

}  // namespace

uint64_t cpu_weight_of_shares(uint64_t shares) {
  if (shares <= 2) return 1;
  if (shares >= 262144) return 10000;
  const double log = std::log2(static_cast<double>(shares));
  return static_cast<uint64_t>(std::ceil(std::pow(10.0, (log * log + 125.0 * log) / 612.0 - 7.0 / 34.0)));
}

void write_memory(ResourceFiles& files, const contract::OciMemory& memory) {
  if (!files.has("memory")) return;
  if (memory.check_before_update.value_or(false) && memory.limit.value_or(-1) > 0) check_usage(files, *memory.limit);
  files.is_v2("memory") ? write_memory_v2(files, memory) : write_memory_v1(files, memory);
}

void write_cpu(ResourceFiles& files, const contract::OciCpu& cpu) {
  const bool sets = cpu.cpus.value_or("") != "" || cpu.mems.value_or("") != "";
  if (sets && files.has("cpuset")) {
    write_set(files, "cpus", cpu.cpus.value_or(""));
    write_set(files, "mems", cpu.mems.value_or(""));
  }
  const bool time = cpu.shares || cpu.quota || cpu.period || cpu.burst || cpu.idle || cpu.realtime_period || cpu.realtime_runtime;
  if (!time || !files.has("cpu")) return;
  files.is_v2("cpu") ? write_cpu_v2(files, cpu) : write_cpu_v1(files, cpu);
}

void write_pids(ResourceFiles& files, const contract::OciPids& pids) {
  if (!pids.limit) return;
  files.about("pids.limit");
  files.write("pids", "pids.max", *pids.limit > 0 ? std::to_string(*pids.limit) : "max");
}

Result<void> ContainerCgroup::apply(const contract::OciResources& resources, const Warn& warn) {
  ResourceFiles files(*this, warn);
  if (resources.memory) write_memory(files, *resources.memory);
  if (resources.cpu) write_cpu(files, *resources.cpu);
  if (resources.pids) write_pids(files, *resources.pids);
  if (resources.block_io) write_block_io(files, *resources.block_io);
  write_others(files, resources);
  GANTRY_TRY(files.result());
  if (resources.devices.empty()) return {};
  return apply_devices(resources.devices, warn);
}

}  // namespace gantry::keeper
