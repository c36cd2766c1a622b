// gzip by ISA-L. Members may follow each other (RFC 1952, 2.2); anything else behind a member is an error, as in Go's
// compress/gzip, which the registries' other clients use.
#include <isa-l/igzip_lib.h>

#include "layer/decoder.h"

namespace gantry::layer {
namespace {

Error describe(int code) {
  switch (code) {
    case ISAL_INVALID_WRAPPER: return malformed("the gzip header is invalid, or something follows the gzip stream");
    case ISAL_UNSUPPORTED_METHOD: return malformed("the gzip header names a method that is not deflate");
    case ISAL_INCORRECT_CHECKSUM: return malformed("the gzip checksum or length does not match the data");
    case ISAL_INVALID_BLOCK: return malformed("the gzip stream holds an invalid deflate block");
    case ISAL_INVALID_SYMBOL: return malformed("the gzip stream holds an invalid deflate symbol");
    case ISAL_INVALID_LOOKBACK: return malformed("the gzip stream refers to data before its start");
    default: return malformed("the gzip stream cannot be decoded (ISA-L error " + std::to_string(code) + ")");
  }
}

class GzipDecoder final : public Decoder {
 public:
  GzipDecoder() { isal_inflate_init(&state_); }

  Result<void> decode(Bytes& input, std::span<std::uint8_t>& output) override {
    while (!output.empty()) {
      if (!in_member_) {
        if (input.empty()) break;
        begin_member();
      }
      const std::size_t input_before = input.size();
      const std::size_t output_before = output.size();
      GANTRY_TRY(step(input, output));
      if (state_.block_state == ISAL_BLOCK_FINISH) {
        in_member_ = false;
        continue;
      }
      // ISA-L returns when it wants more input or more room; without either it waits for more input.
      if (input.size() == input_before && output.size() == output_before) {
        if (input.empty()) break;
        return malformed("the gzip stream makes no progress");
      }
    }
    return {};
  }

  Result<void> finish() const override {
    if (in_member_ || !any_member_) return truncated("the gzip stream ends in the middle");
    return {};
  }

 private:
  void begin_member() {
    isal_inflate_reset(&state_);
    state_.crc_flag = ISAL_GZIP;
    in_member_ = true;
    any_member_ = true;
  }

  Result<void> step(Bytes& input, std::span<std::uint8_t>& output) {
    // ISA-L declares its input mutable but only reads it.
    state_.next_in = const_cast<std::uint8_t*>(input.data());
    state_.avail_in = static_cast<std::uint32_t>(input.size());
    state_.next_out = output.data();
    state_.avail_out = static_cast<std::uint32_t>(output.size());
    const int code = isal_inflate(&state_);
    input = input.last(state_.avail_in);
    output = output.last(state_.avail_out);
    if (code < 0) return describe(code);
    return {};
  }

  inflate_state state_;
  bool in_member_ = false;
  bool any_member_ = false;
};

}  // namespace

std::unique_ptr<Decoder> make_gzip_decoder() { return std::make_unique<GzipDecoder>(); }

}  // namespace gantry::layer
