#include "stage1/executor/time_namespace.h"

#include <linux/sched.h>

#include "linux/namespaces.h"

namespace gantry::executor {

Result<void> enter_time_namespace(const contract::OciLinux& spec, const ProcDir& proc) {
  const contract::OciNamespace* wanted = spec.find_namespace("time");
  if (wanted == nullptr) return {};
  if (!wanted->path.empty()) {
    auto existing = open_namespace(wanted->path, CLONE_NEWTIME);
    if (!existing) return existing.error();
    return join_namespace(existing->get(), CLONE_NEWTIME);
  }
  GANTRY_TRY(new_namespaces(CLONE_NEWTIME));
  std::string offsets;
  for (const auto& [clock, offset] : spec.time_offsets) {
    offsets += clock + " " + std::to_string(offset.secs) + " " + std::to_string(offset.nanosecs) + "\n";
  }
  if (!offsets.empty()) GANTRY_TRY(proc.write("self/timens_offsets", offsets));
  // Only children are born in it; this process has to join.
  auto own = namespace_of(0, "time_for_children");
  if (!own) return own.error();
  return join_namespace(own->get(), CLONE_NEWTIME);
}

}  // namespace gantry::executor
