// Directories that a layer's archive does not name. `tmp/x` without `tmp/` says nothing of `/tmp`: unpacked over the lower layers it
// keeps the mode and owner that they gave it. Stacked by overlayfs, the uppermost layer's directory counts, and what the converter had
// to invent for it would win. So a stack that differs gets one more layer on top: the directories in question, with the attributes that
// the layers give them, and nothing else.
#pragma once

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "layer/erofs_reader.h"

namespace gantry::layer {

struct StackedLayer {
  ErofsReader image;
  // In the order of the report, in its form (`%XX`); "/" is the root.
  std::vector<std::string_view> implied;
  std::unordered_set<std::string_view> is_implied;
};

struct Correction {
  // Of the directories; empty where the stack is right as it is.
  std::string tar;
  // Directories that hide a lower layer's symbolic link or file, where unpacking would have gone through the link.
  std::vector<std::string> hiding;
};

// The lists of implied directories out of the request: for each layer its paths, each behind it a NUL, and one NUL more.
[[nodiscard]] Result<std::vector<std::vector<std::string_view>>> parse_implied(std::string_view request, std::size_t layers);

// `stack`: lowest first. `seen`: the first that shows; its root hides what those below have, but for the root's own attributes.
[[nodiscard]] Result<Correction> correct_stack(std::vector<StackedLayer>& stack, std::size_t seen);

}  // namespace gantry::layer
