// EROFS on disk (Linux, fs/erofs/erofs_fs.h; erofs.docs.kernel.org, "Core on-disk format"): the part that the converter
// writes. All numbers little-endian.
#pragma once

#include <cstdint>

namespace gantry::layer::erofs {

inline constexpr std::uint32_t kBlockBits = 12;
inline constexpr std::uint32_t kBlock = 1U << kBlockBits;
inline constexpr std::uint32_t kSlot = 32;  // inodes lie at multiples of it; their number (nid) counts them
inline constexpr std::uint32_t kSuperOffset = 1024;
inline constexpr std::uint32_t kMagic = 0xe0f5e1e2;
inline constexpr std::uint32_t kNoBlock = 0xffffffff;  // a chunk that is a hole

inline constexpr std::uint32_t kCompatChecksum = 0x1;
inline constexpr std::uint32_t kCompatMtime = 0x2;  // extended inodes' times are modification times
inline constexpr std::uint32_t kIncompatChunked = 0x4;  // Linux 5.15

struct [[gnu::packed]] SuperBlock {
  std::uint32_t magic;
  std::uint32_t checksum;
  std::uint32_t feature_compat;
  std::uint8_t block_bits;
  std::uint8_t extension_slots;
  std::uint16_t root_nid;
  std::uint64_t inodes;
  std::uint64_t build_time;
  std::uint32_t build_time_nanoseconds;
  std::uint32_t blocks;
  std::uint32_t meta_block;
  std::uint32_t xattr_block;
  std::uint8_t uuid[16];
  std::uint8_t volume_name[16];
  std::uint32_t feature_incompat;
  std::uint8_t reserved[44];
};
static_assert(sizeof(SuperBlock) == 128);

// Values of bits 1–3 of an inode's format; bit 0 is set for the 64-byte form.
enum class Layout : std::uint16_t { plain = 0, inline_tail = 2, chunks = 4 };
inline constexpr std::uint16_t kFormatExtended = 1;

struct [[gnu::packed]] CompactInode {
  std::uint16_t format;
  std::uint16_t xattr_count;
  std::uint16_t mode;
  std::uint16_t links;
  std::uint32_t size;
  std::uint32_t reserved;
  std::uint32_t place;  // first block, device number, or chunk format
  std::uint32_t serial;
  std::uint16_t uid;
  std::uint16_t gid;
  std::uint32_t reserved2;
};
static_assert(sizeof(CompactInode) == kSlot);
inline constexpr std::uint32_t kCompactLinksAt = 6;

struct [[gnu::packed]] ExtendedInode {
  std::uint16_t format;
  std::uint16_t xattr_count;
  std::uint16_t mode;
  std::uint16_t reserved;
  std::uint64_t size;
  std::uint32_t place;
  std::uint32_t serial;
  std::uint32_t uid;
  std::uint32_t gid;
  std::int64_t mtime;
  std::uint32_t mtime_nanoseconds;
  std::uint32_t links;
  std::uint8_t reserved2[16];
};
static_assert(sizeof(ExtendedInode) == 2 * kSlot);
inline constexpr std::uint32_t kExtendedLinksAt = 44;

struct [[gnu::packed]] XattrHeader {
  std::uint32_t name_filter;
  std::uint8_t shared_count;
  std::uint8_t reserved[7];
};
static_assert(sizeof(XattrHeader) == 12);

struct [[gnu::packed]] XattrEntry {
  std::uint8_t name_length;
  std::uint8_t name_index;
  std::uint16_t value_size;
};
static_assert(sizeof(XattrEntry) == 4);

struct [[gnu::packed]] Dirent {
  std::uint64_t nid;
  std::uint16_t name_offset;
  std::uint8_t file_type;
  std::uint8_t reserved;
};
static_assert(sizeof(Dirent) == 12);

}  // namespace gantry::layer::erofs
