#pragma once

#include <string>
#include <utility>
#include <vector>

#include "linux/result.h"

namespace gantry {

// Writes values to files below /proc/sys/net as they are in the network namespace bound at `path`: pairs of a relative path
// (`ipv4/conf/eth0/arp_notify`) and a value, in this order, until one fails. EINVAL for a path that leads elsewhere.
Result<void> write_net_sysctls(const std::string& path, const std::vector<std::pair<std::string, std::string>>& values);

}  // namespace gantry
