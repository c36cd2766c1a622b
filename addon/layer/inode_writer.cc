#include "layer/inode_writer.h"

#include <cstring>
#include <string>

#include "layer/xattrs.h"

namespace gantry::layer {
namespace {

std::uint16_t format_of(const Inode& inode, bool extended) {
  const auto layout = static_cast<std::uint16_t>(static_cast<std::uint16_t>(inode.layout) << 1);
  return extended ? static_cast<std::uint16_t>(layout | erofs::kFormatExtended) : layout;
}

}  // namespace

bool InodeWriter::needs_extended(const Inode& inode) const {
  return inode.uid > UINT16_MAX || inode.gid > UINT16_MAX || inode.links > UINT16_MAX || inode.size > UINT32_MAX ||
         inode.mtime != epoch_;
}

std::size_t InodeWriter::head_size(const Inode& inode) const {
  return (needs_extended(inode) ? sizeof(erofs::ExtendedInode) : sizeof(erofs::CompactInode)) + inode.xattrs.size();
}

std::size_t InodeWriter::inline_room(const Inode& inode) const {
  const std::size_t head = head_size(inode);
  return head < erofs::kBlock ? erofs::kBlock - head : 0;
}

std::string InodeWriter::encode(const Inode& inode) {
  std::string bytes;
  ++serial_;
  if (needs_extended(inode)) {
    erofs::ExtendedInode extended{};
    extended.format = format_of(inode, true);
    extended.xattr_count = xattr_count(inode.xattrs);
    extended.mode = inode.mode;
    extended.size = inode.size;
    extended.place = inode.place;
    extended.serial = serial_;
    extended.uid = inode.uid;
    extended.gid = inode.gid;
    extended.mtime = inode.mtime.seconds;
    extended.mtime_nanoseconds = inode.mtime.nanoseconds;
    extended.links = inode.links;
    bytes.append(as_text(bytes_of(extended)));
  } else {
    erofs::CompactInode compact{};
    compact.format = format_of(inode, false);
    compact.xattr_count = xattr_count(inode.xattrs);
    compact.mode = inode.mode;
    compact.links = static_cast<std::uint16_t>(inode.links);
    compact.size = static_cast<std::uint32_t>(inode.size);
    compact.place = inode.place;
    compact.serial = serial_;
    compact.uid = static_cast<std::uint16_t>(inode.uid);
    compact.gid = static_cast<std::uint16_t>(inode.gid);
    bytes.append(as_text(bytes_of(compact)));
  }
  bytes.append(inode.xattrs);
  return bytes;
}

Result<PlacedInode> InodeWriter::write(const Inode& inode, Bytes behind) {
  const std::string head = encode(inode);
  const std::size_t total = head.size() + behind.size();
  const bool extended = needs_extended(inode);
  if (total > erofs::kBlock) {
    // Attributes and chunk maps may run over blocks' ends, tails never do (inline_room).
    const std::uint64_t at = image_.position();
    GANTRY_TRY(image_.append(as_bytes(head)));
    GANTRY_TRY(image_.append(behind));
    GANTRY_TRY(image_.pad_to_block());
    return PlacedInode{at / erofs::kSlot, extended};
  }
  if (!open_ || used_ + total > erofs::kBlock) {
    GANTRY_TRY(close());
    block_at_ = image_.position();
    GANTRY_TRY(image_.append_zeros(erofs::kBlock));
    block_.fill(0);
    used_ = 0;
    open_ = true;
  }
  std::memcpy(block_.data() + used_, head.data(), head.size());
  if (!behind.empty()) std::memcpy(block_.data() + used_ + head.size(), behind.data(), behind.size());
  const std::uint64_t at = block_at_ + used_;
  used_ = static_cast<std::size_t>(round_up(used_ + total, erofs::kSlot));
  return PlacedInode{at / erofs::kSlot, extended};
}

Result<void> InodeWriter::patch(std::uint64_t offset, Bytes data) {
  if (!open_ || offset < block_at_ || offset >= block_at_ + erofs::kBlock) return image_.patch(offset, data);
  std::memcpy(block_.data() + (offset - block_at_), data.data(), data.size());
  return {};
}

Result<void> InodeWriter::close() {
  if (!open_) return {};
  open_ = false;
  return image_.patch(block_at_, block_);
}

}  // namespace gantry::layer
