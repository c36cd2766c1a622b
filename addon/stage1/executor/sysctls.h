#pragma once

#include <map>
#include <string>

#include "linux/proc_dir.h"
#include "linux/result.h"

namespace gantry::executor {

// Which of a process's namespaces are not the host's.
struct OwnNamespaces {
  bool ipc = false, uts = false, network = false, user = false;
};

// Writes name → value ("net.ipv4.ip_forward", or with slashes) in the namespaces that this process is in. A sysctl that
// would be the host's is refused.
Result<void> apply_sysctls(const ProcDir& proc, const std::map<std::string, std::string>& sysctls,
                           const OwnNamespaces& own);

}  // namespace gantry::executor
