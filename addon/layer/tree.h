// The layer's names, in memory: what a directory's entry needs and no more (24 bytes and the name), because a layer may
// have a million of them. Inodes other than directories' are in the image already when their entry is made.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "layer/errors.h"
#include "layer/name_pool.h"
#include "layer/tar_member.h"

namespace gantry::layer {

using EntryId = std::uint32_t;
inline constexpr EntryId kRoot = 0;
inline constexpr EntryId kNoEntry = UINT32_MAX;

// Values of EROFS's dirent file types, which are the kernel's FT_*; whiteouts become character devices.
enum class EntryType : std::uint8_t {
  regular = 1,
  directory = 2,
  character_device = 3,
  block_device = 4,
  fifo = 5,
  symlink = 7,
  whiteout = 100,
};

struct Entry {
  std::uint64_t inode = 0;  // a directory's index; of anything else, the number of its inode in the image (nid)
  EntryId parent = kRoot;
  NamePool::Handle name = 0;
  NamePool::Handle target = 0;  // of a symlink
  EntryType type = EntryType::regular;
  bool dead = false;      // replaced by a later member
  bool linked = false;    // other entries have the same inode
  bool extended = false;  // the inode is a 64-byte one
};

struct Directory {
  EntryId entry = kRoot;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint16_t mode = 0755;
  bool named = false;   // the archive has a member for it; otherwise it is only implied by what lies in it
  bool opaque = false;  // hides what lower layers have in it
  bool fresh = false;   // … and their directory itself: a whiteout of its name came with it
  Timestamp mtime;
  std::string xattrs;  // encoded (xattrs.h)
};

class Tree {
 public:
  // `seed` keeps an archive's author from choosing names that collide; the result does not depend on it.
  Tree(std::uint64_t seed, std::uint64_t maximum_entries);

  [[nodiscard]] EntryId find(EntryId directory, std::string_view name) const;
  [[nodiscard]] const Entry& operator[](EntryId id) const { return entries_[id]; }
  [[nodiscard]] Entry& operator[](EntryId id) { return entries_[id]; }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] std::string_view name(EntryId id) const { return names_.at(entries_[id].name); }
  [[nodiscard]] std::string_view symlink_target(EntryId id) const { return names_.at(entries_[id].target); }
  // "/usr/lib"; the root is "/".
  [[nodiscard]] std::string path(EntryId id) const;

  [[nodiscard]] Directory& directory(EntryId id) { return directories_[entries_[id].inode]; }
  [[nodiscard]] std::vector<Directory>& directories() { return directories_; }

  // The name must be free (find() says so, or remove() made it so). A directory gets its Directory, with defaults.
  [[nodiscard]] Result<EntryId> add(EntryId parent, std::string_view name, EntryType type);
  [[nodiscard]] Result<EntryId> add_symlink(EntryId parent, std::string_view name, std::string_view target);

  // Frees the name. What lies below a directory is unreachable from then on.
  void remove(EntryId id);

 private:
  [[nodiscard]] std::size_t home(EntryId parent, std::string_view name) const;
  void grow();
  void place(EntryId id);

  std::uint64_t seed_;
  std::uint64_t maximum_entries_;
  NamePool names_;
  std::vector<Entry> entries_;
  std::vector<Directory> directories_;
  std::vector<EntryId> slots_;  // open addressing over (parent, name); kNoEntry is free
};

inline constexpr std::string_view kAufsPrefix = ".wh..wh.";

// Which entries the image shows: not those that were replaced, nor aufs's own, nor what lies below such a one.
[[nodiscard]] std::vector<bool> live_entries(const Tree& tree);

}  // namespace gantry::layer
