#pragma once

#include <cstdint>
#include <string>

#include "linux/result.h"
#include "linux/unique_fd.h"

namespace gantry {

// A TCP connection to `port` on the loopback of the network namespace bound at `path`: v4, and v6 where that is refused.
// Blocks for at most `patience_ms` a family. A listener that has not taken the connection by then leaves it connecting, as a
// non-blocking socket may be.
Result<UniqueFd> connect_in_namespace(const std::string& path, uint16_t port, int patience_ms);

}  // namespace gantry
