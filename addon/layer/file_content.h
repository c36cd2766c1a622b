// The content of regular files on its way from the archive to the image.
#pragma once

#include <vector>

#include "layer/erofs_format.h"
#include "layer/image_file.h"
#include "layer/tar_reader.h"

namespace gantry::layer {

// What the inode must say of the content, and keep behind itself.
struct StoredContent {
  erofs::Layout layout = erofs::Layout::plain;
  std::uint32_t place = 0;
  std::vector<std::uint8_t> behind;
};

// Streams the member's content into the image. A tail of at most `inline_room` bytes is returned instead of written.
// A sparse file whose holes are worth it is stored in chunks, unless `expand_holes`.
[[nodiscard]] Result<StoredContent> store_content(TarReader& reader, const TarMember& member, ImageFile& image,
                                                  std::size_t inline_room, bool expand_holes);

}  // namespace gantry::layer
