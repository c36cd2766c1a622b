#include "layer/path.h"

#include <algorithm>

namespace gantry::layer {
namespace {

constexpr std::size_t kMaximumPath = 4095;  // PATH_MAX without its NUL
constexpr std::size_t kMaximumPart = 255;
constexpr int kMaximumLinks = 255;

// The parts of a symlink's target or of a path, `.` and empty ones left out.
template <typename Visit>
void for_each_part(std::string_view path, Visit visit) {
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (!part.empty() && part != ".") visit(part);
    if (slash == std::string_view::npos) return;
    path.remove_prefix(slash + 1);
  }
}

}  // namespace

Result<void> PathResolver::split(std::string_view path) {
  if (path.size() > kMaximumPath) return malformed("the path is longer than 4,095 bytes");
  parts_.clear();
  bool too_long = false;
  for_each_part(path, [this, &too_long](std::string_view part) {
    too_long = too_long || part.size() > kMaximumPart;
    if (part != "..") {
      parts_.push_back(part);
    } else if (!parts_.empty()) {
      parts_.pop_back();
    }
  });
  if (too_long) return malformed("a name in the path is longer than 255 bytes");
  return {};
}

// Follows every part but the last, without making anything.
Result<void> PathResolver::walk_parent() {
  steps_.clear();
  pending_.assign(parts_.rbegin() + 1, parts_.rend());
  int links = 0;
  while (!pending_.empty()) {
    const std::string_view name = pending_.back();
    pending_.pop_back();
    if (name != "..") {
      GANTRY_TRY(enter(name, links));
    } else if (!steps_.empty()) {
      steps_.pop_back();
    }
  }
  return {};
}

Result<void> PathResolver::enter(std::string_view name, int& links) {
  if (name.size() > kMaximumPart) return malformed("a symlink in the path names something longer than 255 bytes");
  const EntryId parent = steps_.empty() ? kRoot : steps_.back().entry;
  const EntryId found = parent == kNoEntry ? kNoEntry : tree_.find(parent, name);
  const EntryType type = found == kNoEntry ? EntryType::directory : tree_[found].type;
  if (type == EntryType::directory || type == EntryType::whiteout) {
    if (steps_.size() >= kMaximumPath) return malformed("the symlinks in the path lead too deep");
    steps_.push_back({name, found});
    return {};
  }
  if (type != EntryType::symlink) {
    return malformed("the path leads through " + tree_.path(found) + ", which is not a directory");
  }
  if (++links > kMaximumLinks) return malformed("the path leads through too many symlinks");
  const std::string_view target = tree_.symlink_target(found);
  if (target.starts_with('/')) steps_.clear();
  const std::size_t before = pending_.size();
  for_each_part(target, [this](std::string_view part) { pending_.push_back(part); });
  std::reverse(pending_.begin() + static_cast<std::ptrdiff_t>(before), pending_.end());
  if (pending_.size() > kMaximumPath) return malformed("the symlinks in the path lead too deep");
  return {};
}

Result<EntryId> PathResolver::make_parents() {
  EntryId parent = kRoot;
  for (const Step& step : steps_) {
    EntryId entry = step.entry;
    const bool hidden = entry != kNoEntry && tree_[entry].type == EntryType::whiteout;
    if (hidden) tree_.remove(entry);
    if (hidden || entry == kNoEntry) {
      auto made = tree_.add(parent, step.name, EntryType::directory);
      if (!made) return made;
      entry = *made;
      // What the whiteout hid in lower layers stays hidden.
      tree_.directory(entry).opaque = hidden;
      tree_.directory(entry).fresh = hidden;
    }
    parent = entry;
  }
  return parent;
}

Result<Location> PathResolver::locate(std::string_view path) {
  GANTRY_TRY(split(path));
  if (parts_.empty()) return Location{};
  GANTRY_TRY(walk_parent());
  auto parent = make_parents();
  if (!parent) return std::move(parent.error());
  return Location{*parent, parts_.back()};
}

Result<EntryId> PathResolver::look_up(std::string_view path) {
  GANTRY_TRY(split(path));
  if (parts_.empty()) return kRoot;
  GANTRY_TRY(walk_parent());
  const EntryId parent = steps_.empty() ? kRoot : steps_.back().entry;
  if (parent == kNoEntry || tree_[parent].type != EntryType::directory) return kNoEntry;
  return tree_.find(parent, parts_.back());
}

}  // namespace gantry::layer
