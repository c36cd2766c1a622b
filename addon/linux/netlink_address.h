#pragma once

#include <string>
#include <vector>

#include "linux/netlink_socket.h"

namespace gantry {

// Gives a link of the socket's namespace its addresses (without duplicate detection: whoever assigns them knows that they
// are free) and a default route by each gateway, and brings it up. Idempotent. The calling thread must be in the socket's
// namespace too.
Result<void> configure_link(NetlinkSocket& socket, const std::string& name, int index,
                            const std::vector<std::string>& addresses, const std::vector<std::string>& gateways);

}  // namespace gantry
