#pragma once

#include <string>

#include "linux/result.h"

namespace gantry {

// A new user namespace, bound at `path` (a file that must not exist yet). Each map is the text of /proc/PID/uid_map:
// lines of "inside outside count".
Result<void> create_user_namespace(const std::string& path, const std::string& uid_map, const std::string& gid_map);

}  // namespace gantry
