#pragma once

#include <optional>
#include <string>

#include "linux/result.h"

namespace gantry {

// The value of an extended attribute of `path` itself (a symbolic link is not followed); nothing where it has none, or
// where its file system knows none.
Result<std::optional<std::string>> get_xattr(const std::string& path, const std::string& name);

}  // namespace gantry
