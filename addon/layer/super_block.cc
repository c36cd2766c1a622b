#include "layer/super_block.h"

#include <array>
#include <charconv>
#include <cstring>

namespace gantry::layer {
namespace {

// CRC-32C without the final inversion, as the kernel's crc32c() computes it.
std::uint32_t crc32c(std::uint32_t crc, Bytes bytes) {
  for (const std::uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78 : 0);
  }
  return crc;
}

// A version 8 UUID (RFC 9562, 5.8): the same layer always has the same.
void set_uuid(erofs::SuperBlock& super, std::string_view diff_id) {
  diff_id.remove_prefix(diff_id.find(':') + 1);
  for (std::size_t i = 0; i < sizeof super.uuid; ++i) {
    std::from_chars(diff_id.data() + 2 * i, diff_id.data() + 2 * i + 2, super.uuid[i], 16);
  }
  super.uuid[6] = static_cast<std::uint8_t>((super.uuid[6] & 0x0f) | 0x80);
  super.uuid[8] = static_cast<std::uint8_t>((super.uuid[8] & 0x3f) | 0x80);
}

}  // namespace

Result<void> write_super_block(ImageFile& image, const SuperBlockFields& fields) {
  constexpr std::size_t kRootAt = kRootNid * erofs::kSlot;
  if (fields.root.size() > erofs::kBlock - kRootAt) {
    return unsupported("the root directory's extended attributes take more than " +
                       std::to_string(erofs::kBlock - kRootAt - sizeof(erofs::ExtendedInode)) + " bytes");
  }
  erofs::SuperBlock super{};
  super.magic = erofs::kMagic;
  super.feature_compat = erofs::kCompatChecksum | erofs::kCompatMtime;
  super.block_bits = erofs::kBlockBits;
  super.root_nid = kRootNid;
  super.inodes = fields.inodes;
  super.build_time = static_cast<std::uint64_t>(fields.epoch.seconds);
  super.build_time_nanoseconds = fields.epoch.nanoseconds;
  super.blocks = image.block();
  super.feature_incompat = fields.chunked ? erofs::kIncompatChunked : 0;
  set_uuid(super, fields.diff_id);

  std::array<std::uint8_t, erofs::kBlock> block{};
  std::memcpy(block.data() + kRootAt, fields.root.data(), fields.root.size());
  std::memcpy(block.data() + erofs::kSuperOffset, &super, sizeof super);
  // Over the rest of the block, with the checksum's own field zero.
  super.checksum = crc32c(~0U, Bytes(block).subspan(erofs::kSuperOffset));
  std::memcpy(block.data() + erofs::kSuperOffset, &super, sizeof super);
  return image.patch(0, block);
}

}  // namespace gantry::layer
