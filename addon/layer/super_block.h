#pragma once

#include <string>

#include "layer/image_file.h"
#include "layer/tar_member.h"

namespace gantry::layer {

// The root's inode lies directly behind the superblock: the number has 16 bits there.
inline constexpr std::uint64_t kRootNid = (erofs::kSuperOffset + sizeof(erofs::SuperBlock)) / erofs::kSlot;

struct SuperBlockFields {
  const std::string& root;  // the root's inode and attributes, encoded
  Timestamp epoch;
  std::uint64_t inodes;
  bool chunked;
  const std::string& diff_id;  // its first bytes become the UUID
};

// Writes the image's first block. The image is complete but for it.
[[nodiscard]] Result<void> write_super_block(ImageFile& image, const SuperBlockFields& fields);

}  // namespace gantry::layer
