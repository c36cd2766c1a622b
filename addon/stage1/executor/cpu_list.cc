#include "stage1/executor/cpu_list.h"

#include <charconv>
#include <vector>

#include "linux/process_settings.h"

namespace gantry::executor {

Result<void> apply_cpu_list(const std::string& list) {
  if (list.empty()) return {};
  const Error malformed{EINVAL, "sched_setaffinity", list, "is no list of CPUs such as 0-3,7"};
  std::vector<int> cpus;
  const char* at = list.data();
  const char* const end = at + list.size();
  for (;;) {
    int first = 0;
    auto parsed = std::from_chars(at, end, first);
    if (parsed.ec != std::errc() || first < 0) return malformed;
    int last = first;
    if (parsed.ptr != end && *parsed.ptr == '-') {
      parsed = std::from_chars(parsed.ptr + 1, end, last);
      if (parsed.ec != std::errc() || last < first || last > 8191) return malformed;
    }
    for (int cpu = first; cpu <= last; ++cpu) cpus.push_back(cpu);
    if (parsed.ptr == end) return set_affinity(cpus);
    if (*parsed.ptr != ',') return malformed;
    at = parsed.ptr + 1;
  }
}

}  // namespace gantry::executor
