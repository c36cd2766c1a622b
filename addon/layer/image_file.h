// The image under construction: appended to from front to back through one buffer, patched in few places.
#pragma once

#include <string>
#include <vector>

#include "layer/bytes.h"
#include "layer/erofs_format.h"
#include "layer/errors.h"

namespace gantry::layer {

class ImageFile {
 public:
  // `maximum_size` in bytes; 0 is EROFS's own limit (2³² blocks).
  ImageFile(int fd, std::uint64_t maximum_size);

  [[nodiscard]] std::uint64_t position() const { return base_ + buffer_.size(); }
  // Of what is appended next; the position must be a block's start.
  [[nodiscard]] std::uint32_t block() const { return static_cast<std::uint32_t>(position() / erofs::kBlock); }

  // Whether `count` more bytes are within the maximum.
  [[nodiscard]] Result<void> expect_room(std::uint64_t count) const;
  [[nodiscard]] Result<void> append(Bytes data);
  // Many zeros become a hole in the file.
  [[nodiscard]] Result<void> append_zeros(std::uint64_t count);
  [[nodiscard]] Result<void> pad_to_block();
  // Replaces bytes that were appended before.
  [[nodiscard]] Result<void> patch(std::uint64_t offset, Bytes data);

  // Writes out what is buffered; nothing may be appended after it.
  [[nodiscard]] Result<void> finish();
  // SHA-256 of the finished file, from the page cache.
  [[nodiscard]] Result<std::string> digest() const;

 private:
  [[nodiscard]] Result<void> flush();

  int fd_;
  std::uint64_t maximum_size_;
  std::uint64_t base_ = 0;  // where in the file the buffer goes
  std::vector<std::uint8_t> buffer_;
};

}  // namespace gantry::layer
