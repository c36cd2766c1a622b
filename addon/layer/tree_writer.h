// Directories: the last thing in the image, once every other inode has its number.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "layer/image_file.h"
#include "layer/inode_writer.h"
#include "layer/tree.h"

namespace gantry::layer {

class TreeWriter {
 public:
  TreeWriter(Tree& tree, const std::vector<bool>& live, ImageFile& image, InodeWriter& inodes);

  // Everything but the root's inode, which has its place beside the superblock and is returned encoded.
  [[nodiscard]] Result<std::string> write();
  [[nodiscard]] std::uint64_t whiteouts() const { return whiteouts_; }

 private:
  // Where a directory's content and inode go.
  struct Placement {
    std::uint64_t nid = 0;
    std::uint64_t size = 0;
    std::uint32_t first_block = 0;
    bool inlined = false;  // its last block lies behind the inode

    [[nodiscard]] std::uint64_t blocks() const { return (size + erofs::kBlock - 1) / erofs::kBlock; }
    [[nodiscard]] std::uint64_t whole_blocks() const { return inlined ? blocks() - 1 : blocks(); }
  };

  void group_children();
  void mark_for_overlayfs();
  [[nodiscard]] Result<void> write_whiteout();
  [[nodiscard]] Result<void> correct_links();
  [[nodiscard]] Result<void> set_links(const Entry& entry, std::uint32_t links);
  void measure(std::size_t index);
  void place_inodes();
  [[nodiscard]] Result<void> write_content(std::size_t index);
  [[nodiscard]] Result<void> write_inode(std::size_t index);
  [[nodiscard]] Inode inode_of(std::size_t index) const;
  [[nodiscard]] std::string render(std::size_t index, std::uint64_t first, std::uint64_t count) const;
  template <typename Visit>
  void for_each_dirent(std::size_t index, Visit visit) const;
  [[nodiscard]] std::uint64_t nid_of(EntryId id) const;

  Tree& tree_;
  const std::vector<bool>& live_;
  ImageFile& image_;
  InodeWriter& inodes_;
  std::vector<std::uint32_t> first_child_;  // by directory, one more at the end
  std::vector<EntryId> children_;           // live entries, by directory, by name
  std::vector<std::uint32_t> subdirectories_;
  std::vector<bool> has_whiteouts_;
  std::vector<Placement> placements_;
  std::uint64_t whiteout_nid_ = 0;
  std::uint64_t whiteouts_ = 0;
};

}  // namespace gantry::layer
