#pragma once

#include <string>
#include <vector>

#include "linux/result.h"

namespace gantry {

// The names in an open directory (O_PATH suffices), without "." and "..". Read at once: nothing but the caller's own descriptor
// stays open while what is in it is looked at. `path` is for the error.
Result<std::vector<std::string>> names_in(int directory, const std::string& path);

}  // namespace gantry
