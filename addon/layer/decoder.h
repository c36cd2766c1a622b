// One compressed stream, decoded piece by piece. Nothing is buffered here beyond the formats' own windows.
#pragma once

#include <memory>
#include <string_view>

#include "layer/bytes.h"
#include "layer/errors.h"

namespace gantry::layer {

enum class Compression { automatic, none, gzip, zstd };

class Decoder {
 public:
  virtual ~Decoder() = default;

  // Takes bytes from the front of `input` and puts bytes at the front of `output`, shrinking both spans, until one of
  // them is empty. Called with an empty input it only delivers what it still holds.
  [[nodiscard]] virtual Result<void> decode(Bytes& input, std::span<std::uint8_t>& output) = 0;

  // Whether the stream may end here; called once everything was decoded.
  [[nodiscard]] virtual Result<void> finish() const = 0;
};

// What the first bytes of a stream say; `none` for anything unknown, because a tar has no magic at its start.
// xz and bzip2 are recognized only to be refused by name.
[[nodiscard]] Result<Compression> sniff(Bytes start);
inline constexpr std::size_t kSniffLength = 6;

// For `gzip` and `zstd`.
[[nodiscard]] std::unique_ptr<Decoder> make_gzip_decoder();
[[nodiscard]] std::unique_ptr<Decoder> make_zstd_decoder();

}  // namespace gantry::layer
