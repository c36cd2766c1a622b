#include "layer/file_content.h"

#include <algorithm>
#include <bit>

#include "layer/chunk_plan.h"

namespace gantry::layer {
namespace {

// Receives a file's bytes in order: whole blocks go to the image, what is to lie behind the inode is kept.
class FlatSink {
 public:
  FlatSink(ImageFile& image, std::uint64_t in_blocks, std::vector<std::uint8_t>& behind)
      : image_(image), in_blocks_(in_blocks), behind_(behind) {}

  Result<void> write(Bytes data) {
    const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(data.size(), in_blocks_));
    if (part != 0) GANTRY_TRY(image_.append(data.first(part)));
    in_blocks_ -= part;
    behind_.insert(behind_.end(), data.begin() + static_cast<std::ptrdiff_t>(part), data.end());
    return {};
  }

  Result<void> zeros(std::uint64_t count) {
    const std::uint64_t part = std::min(count, in_blocks_);
    GANTRY_TRY(image_.append_zeros(part));
    in_blocks_ -= part;
    behind_.resize(behind_.size() + static_cast<std::size_t>(count - part), 0);
    return {};
  }

 private:
  ImageFile& image_;
  std::uint64_t in_blocks_;
  std::vector<std::uint8_t>& behind_;
};

Result<void> copy(TarReader& reader, FlatSink& sink) {
  while (true) {
    auto data = reader.content();
    if (!data) return std::move(data.error());
    if (data->empty()) return {};
    GANTRY_TRY(sink.write(*data));
  }
}

// The archive's stretches with zeros between them. A piece of the stream may hold several, or a part of one.
Result<void> copy_sparse(TarReader& reader, const TarMember& member, FlatSink& sink) {
  std::uint64_t at = 0;
  Bytes data;
  for (const Extent& extent : member.extents) {
    GANTRY_TRY(sink.zeros(extent.offset - at));
    for (std::uint64_t left = extent.length; left > 0;) {
      if (data.empty()) {
        auto next = reader.content();
        if (!next) return std::move(next.error());
        data = *next;
      }
      const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(left, data.size()));
      GANTRY_TRY(sink.write(data.first(part)));
      data = data.subspan(part);
      left -= part;
    }
    at = extent.offset + extent.length;
  }
  return sink.zeros(member.size - at);
}

Result<StoredContent> store_flat(TarReader& reader, const TarMember& member, ImageFile& image,
                                 std::size_t inline_room) {
  StoredContent stored;
  const std::uint64_t tail = member.size % erofs::kBlock;
  const bool inlined = tail != 0 && tail <= inline_room;
  const std::uint64_t in_blocks = inlined ? member.size - tail : member.size;
  if (inlined) {
    stored.layout = erofs::Layout::inline_tail;
    stored.behind.reserve(tail);
  }
  GANTRY_TRY(image.expect_room(in_blocks));
  if (in_blocks != 0) stored.place = image.block();
  FlatSink sink(image, in_blocks, stored.behind);
  GANTRY_TRY(member.sparse ? copy_sparse(reader, member, sink) : copy(reader, sink));
  GANTRY_TRY(image.pad_to_block());
  return stored;
}

// Writes the chunks that hold data, one after the other, and notes where each begins.
class ChunkSink {
 public:
  ChunkSink(ImageFile& image, const TarMember& member, std::uint32_t bits)
      : image_(image), size_(member.size), bits_(bits), map_((((member.size - 1) >> bits) + 1), erofs::kNoBlock) {}

  Result<void> write(std::uint64_t offset, Bytes data) {
    while (!data.empty()) {
      const std::uint64_t chunk = offset >> bits_;
      if (map_[chunk] == erofs::kNoBlock) {
        GANTRY_TRY(close());
        map_[chunk] = image_.block();
        at_ = chunk << bits_;
        end_ = std::min(at_ + (std::uint64_t{1} << bits_), round_up(size_, erofs::kBlock));
      }
      GANTRY_TRY(image_.append_zeros(offset - at_));
      const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(data.size(), end_ - offset));
      GANTRY_TRY(image_.append(data.first(part)));
      data = data.subspan(part);
      offset += part;
      at_ = offset;
    }
    return {};
  }

  // Fills the current chunk up.
  Result<void> close() {
    const std::uint64_t rest = end_ - at_;
    at_ = end_;
    return image_.append_zeros(rest);
  }

  [[nodiscard]] const std::vector<std::uint32_t>& map() const { return map_; }

 private:
  ImageFile& image_;
  std::uint64_t size_;
  std::uint32_t bits_;
  std::uint64_t at_ = 0;
  std::uint64_t end_ = 0;
  std::vector<std::uint32_t> map_;
};

Result<StoredContent> store_chunks(TarReader& reader, const TarMember& member, ImageFile& image, std::uint32_t bits) {
  ChunkSink sink(image, member, bits);
  Bytes data;
  for (const Extent& extent : member.extents) {
    for (std::uint64_t done = 0; done < extent.length;) {
      if (data.empty()) {
        auto next = reader.content();
        if (!next) return std::move(next.error());
        data = *next;
      }
      const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(extent.length - done, data.size()));
      GANTRY_TRY(sink.write(extent.offset + done, data.first(part)));
      data = data.subspan(part);
      done += part;
    }
  }
  GANTRY_TRY(sink.close());
  StoredContent stored;
  stored.layout = erofs::Layout::chunks;
  stored.place = bits - erofs::kBlockBits;
  const auto* const raw = reinterpret_cast<const std::uint8_t*>(sink.map().data());
  stored.behind.assign(raw, raw + sink.map().size() * sizeof(std::uint32_t));
  return stored;
}

}  // namespace

Result<StoredContent> store_content(TarReader& reader, const TarMember& member, ImageFile& image,
                                    std::size_t inline_room, bool expand_holes) {
  if (member.sparse && !expand_holes) {
    if (const auto bits = plan_chunks(member)) return store_chunks(reader, member, image, *bits);
  }
  return store_flat(reader, member, image, inline_room);
}

}  // namespace gantry::layer
