#pragma once

#include <string>

#include "linux/result.h"
#include "linux/unique_fd.h"

namespace gantry {

// open(2) with O_PATH: a handle on the thing itself, without opening it.
Result<UniqueFd> open_path(const std::string& path);
// A directory, to be looked into.
Result<UniqueFd> open_directory(const std::string& path);
// The same by a handle on it; `name` is for errors.
Result<UniqueFd> open_directory_at(int handle, const std::string& name);

}  // namespace gantry
