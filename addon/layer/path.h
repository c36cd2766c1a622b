// Where in the layer a member's name points. Nothing here touches a file system: names are looked up in the tree, and
// can no more leave it than a process its root.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "layer/tree.h"

namespace gantry::layer {

struct Location {
  EntryId parent = kRoot;
  std::string_view name;  // within the path that was given; empty: the root itself
};

class PathResolver {
 public:
  explicit PathResolver(Tree& tree) : tree_(tree) {}

  // The path is cleaned lexically, `..` at the root stays there, and symlinks in the parent are followed within the
  // layer, as containerd does (continuity/fs.RootPath). Parents that do not exist are made.
  [[nodiscard]] Result<Location> locate(std::string_view path);

  // The same for something that must exist, without making anything: a hard link's target. kNoEntry if it does not.
  [[nodiscard]] Result<EntryId> look_up(std::string_view path);

 private:
  struct Step {
    std::string_view name;
    EntryId entry;  // kNoEntry where the layer has nothing (yet)
  };

  [[nodiscard]] Result<void> split(std::string_view path);
  [[nodiscard]] Result<void> walk_parent();
  [[nodiscard]] Result<void> enter(std::string_view name, int& links);
  [[nodiscard]] Result<EntryId> make_parents();

  Tree& tree_;
  std::vector<std::string_view> parts_;    // of the path, cleaned; the last one is the name
  std::vector<std::string_view> pending_;  // parts still to walk, the next one last
  std::vector<Step> steps_;                // from the root to where the walk stands
};

}  // namespace gantry::layer
