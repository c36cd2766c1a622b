#include "layer/image_file.h"

#include <algorithm>
#include <cstring>

#include "layer/sha256.h"
#include "linux/file_io.h"

namespace gantry::layer {
namespace {

constexpr std::size_t kBuffer = 512 * 1024;
constexpr std::uint64_t kEntireSpace = (std::uint64_t{1} << 32) * erofs::kBlock - erofs::kBlock;

}  // namespace

ImageFile::ImageFile(int fd, std::uint64_t maximum_size)
    : fd_(fd), maximum_size_(maximum_size == 0 ? kEntireSpace : std::min(maximum_size, kEntireSpace)) {
  buffer_.reserve(kBuffer);
}

Result<void> ImageFile::expect_room(std::uint64_t count) const {
  if (count <= maximum_size_ && position() <= maximum_size_ - count) return {};
  return over_limit("the layer's image would be larger than " + std::to_string(maximum_size_) + " bytes");
}

Result<void> ImageFile::flush() {
  GANTRY_TRY(pwrite_all(fd_, buffer_, base_));
  base_ += buffer_.size();
  buffer_.clear();
  return {};
}

Result<void> ImageFile::append(Bytes data) {
  GANTRY_TRY(expect_room(data.size()));
  while (!data.empty()) {
    // Large pieces need no copy on their way.
    if (buffer_.empty() && data.size() >= kBuffer / 4) {
      const Bytes direct = data.first(data.size() & ~std::size_t{erofs::kBlock - 1});
      GANTRY_TRY(pwrite_all(fd_, direct, base_));
      base_ += direct.size();
      data = data.subspan(direct.size());
      continue;
    }
    const Bytes part = data.first(std::min(data.size(), kBuffer - buffer_.size()));
    buffer_.insert(buffer_.end(), part.begin(), part.end());
    data = data.subspan(part.size());
    if (buffer_.size() == kBuffer) GANTRY_TRY(flush());
  }
  return {};
}

Result<void> ImageFile::append_zeros(std::uint64_t count) {
  GANTRY_TRY(expect_room(count));
  if (count > kBuffer - buffer_.size()) {
    GANTRY_TRY(flush());
    base_ += count;
  } else {
    buffer_.resize(buffer_.size() + static_cast<std::size_t>(count), 0);
  }
  return {};
}

Result<void> ImageFile::pad_to_block() { return append_zeros(round_up(position(), erofs::kBlock) - position()); }

Result<void> ImageFile::patch(std::uint64_t offset, Bytes data) {
  if (offset < base_) {
    const auto written = static_cast<std::size_t>(std::min<std::uint64_t>(base_ - offset, data.size()));
    GANTRY_TRY(pwrite_all(fd_, data.first(written), offset));
    data = data.subspan(written);
    offset += written;
  }
  if (!data.empty()) std::memcpy(buffer_.data() + (offset - base_), data.data(), data.size());
  return {};
}

Result<void> ImageFile::finish() {
  GANTRY_TRY(flush());
  return truncate_file(fd_, base_);
}

Result<std::string> ImageFile::digest() const {
  Sha256 hash;
  std::vector<std::uint8_t> piece(kBuffer);
  for (std::uint64_t at = 0; at < base_;) {
    auto count = pread_full(fd_, piece, at);
    if (!count) return std::move(count.error());
    if (*count == 0) return Error{EIO, "pread", {}, "the image became shorter while it was hashed"};
    hash.update(Bytes(piece.data(), *count));
    at += *count;
  }
  return hash.digest();
}

}  // namespace gantry::layer
