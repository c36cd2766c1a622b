// The wire between the server and gantry-files: a frame is a big-endian 32-bit length and that many bytes, which are fields, each
// with its length in front in the same way.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gantry::files {

using Fields = std::vector<std::string>;

std::string encode_frame(const Fields& fields);
// False for what is no list of fields.
bool decode_fields(std::string_view body, Fields& fields);

}  // namespace gantry::files
