#include "layer/decoder.h"

namespace gantry::layer {
namespace {

bool starts_with(Bytes start, std::string_view magic) { return as_text(start).starts_with(magic); }

}  // namespace

Result<Compression> sniff(Bytes start) {
  using namespace std::string_view_literals;
  if (starts_with(start, "\x1f\x8b"sv)) return Compression::gzip;
  if (starts_with(start, "\x28\xb5\x2f\xfd"sv)) return Compression::zstd;
  // A zstd stream may begin with a skippable frame: 0x184D2A50 to …5F (RFC 8878, 3.1.2).
  if (start.size() >= 4 && (start[0] & 0xf0) == 0x50 && starts_with(start.subspan(1), "\x2a\x4d\x18"sv)) {
    return Compression::zstd;
  }
  if (starts_with(start, "\xfd"
                         "7zXZ\0"sv)) {
    return unsupported("the layer is compressed with xz; gzip, zstd and none are supported");
  }
  if (starts_with(start, "BZh"sv) && start.size() >= 4 && start[3] >= '1' && start[3] <= '9') {
    return unsupported("the layer is compressed with bzip2; gzip, zstd and none are supported");
  }
  return Compression::none;
}

}  // namespace gantry::layer
