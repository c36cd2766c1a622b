#pragma once

#include <cstdint>
#include <vector>

#include "linux/result.h"

namespace gantry {

// Makes the kernel forget every tracked UDP flow to one of these destination ports: a flow keeps the translation that it
// began with, and a client that never pauses would go on talking to a pod that is gone, or never reach a new one. Does
// nothing where connection tracking is not there.
Result<void> forget_udp_flows(const std::vector<uint16_t>& ports);

}  // namespace gantry
