#pragma once

#include <string>

#include "linux/result.h"

namespace gantry {

// The whole of a small regular file; EFBIG above 8 MiB, EINVAL for anything that is no regular file.
Result<std::string> read_text_file(const std::string& path);

}  // namespace gantry
