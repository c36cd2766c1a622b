#pragma once

#include <string>
#include <vector>

#include "layer/tree.h"

namespace gantry::layer {

// Paths of the directories that no member describes and whose attributes a lower layer may therefore decide: those that
// are not cut off from lower layers by an opaque directory. In the tree's order. Bytes that are not printable ASCII or
// well-formed UTF-8, and `%`, are written %XX.
[[nodiscard]] Result<std::vector<std::string>> implied_directories(Tree& tree, const std::vector<bool>& live);

// The path or message as JSON may hold it; see above.
[[nodiscard]] std::string escape_bytes(std::string_view text);

}  // namespace gantry::layer
