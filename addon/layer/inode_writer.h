// Inodes, small and large, packed into blocks together with what EROFS keeps behind them: attributes, a chunk map, the
// last bytes of a file.
#pragma once

#include <array>
#include <string_view>

#include "layer/erofs_format.h"
#include "layer/image_file.h"
#include "layer/tar_member.h"

namespace gantry::layer {

struct Inode {
  std::uint16_t mode = 0;  // type and permissions
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t links = 1;
  Timestamp mtime;
  std::uint64_t size = 0;
  erofs::Layout layout = erofs::Layout::plain;
  std::uint32_t place = 0;  // first block, device number, or chunk format
  std::string_view xattrs;  // encoded
};

struct PlacedInode {
  std::uint64_t nid = 0;
  bool extended = false;
};

class InodeWriter {
 public:
  explicit InodeWriter(ImageFile& image) : image_(image) {}

  // The time that 32-byte inodes share (the superblock's build time). Set once, before the first inode.
  void set_epoch(Timestamp epoch) { epoch_ = epoch; }
  [[nodiscard]] const Timestamp& epoch() const { return epoch_; }

  [[nodiscard]] bool needs_extended(const Inode& inode) const;
  // Bytes of the inode and its attributes; what lies behind them shares their block if it fits.
  [[nodiscard]] std::size_t head_size(const Inode& inode) const;
  [[nodiscard]] std::size_t inline_room(const Inode& inode) const;

  // `behind` is the tail of the content, or the chunk map.
  [[nodiscard]] Result<PlacedInode> write(const Inode& inode, Bytes behind);
  // Inode and attributes as bytes, for who places them itself.
  [[nodiscard]] std::string encode(const Inode& inode);

  // Replaces bytes of an inode that was written.
  [[nodiscard]] Result<void> patch(std::uint64_t offset, Bytes data);
  // Writes the block that is still open.
  [[nodiscard]] Result<void> close();
  [[nodiscard]] std::uint32_t count() const { return serial_; }

 private:
  ImageFile& image_;
  Timestamp epoch_;
  std::uint32_t serial_ = 0;
  bool open_ = false;
  std::uint64_t block_at_ = 0;
  std::size_t used_ = 0;
  std::array<std::uint8_t, erofs::kBlock> block_;
};

}  // namespace gantry::layer
