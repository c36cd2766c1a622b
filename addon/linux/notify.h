// sd_notify(3)'s protocol: a datagram of lines to the socket that the service manager named.
#pragma once

#include <string>
#include <string_view>

#include "linux/result.h"

namespace gantry {

// `socket`: a path, or "@name" for an abstract one, as NOTIFY_SOCKET has it. Does not wait for the receiver.
Result<void> send_notification(const std::string& socket, std::string_view lines);

}  // namespace gantry
