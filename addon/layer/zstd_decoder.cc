// zstd frames, one after the other, skippable ones passed over (RFC 8878).
#include <zstd.h>
#include <zstd_errors.h>

#include "layer/decoder.h"

namespace gantry::layer {
namespace {

// 128 MiB, the format's recommended ceiling and zstd's own default: what a decoder must be ready to keep in memory.
constexpr int kWindowLogMax = 27;

struct FreeContext {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

Error describe(std::size_t code) {
  switch (ZSTD_getErrorCode(code)) {
    case ZSTD_error_frameParameter_windowTooLarge:
      return unsupported("the zstd frame wants a window of more than 128 MiB");
    case ZSTD_error_prefix_unknown: return malformed("the zstd header is invalid, or something follows the zstd stream");
    case ZSTD_error_checksum_wrong: return malformed("the zstd checksum does not match the data");
    case ZSTD_error_dictionary_wrong: return unsupported("the zstd frame wants a dictionary");
    default: return malformed(std::string("the zstd stream cannot be decoded: ") + ZSTD_getErrorName(code));
  }
}

class ZstdDecoder final : public Decoder {
 public:
  ZstdDecoder() : context_(ZSTD_createDCtx()) {
    ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kWindowLogMax);
  }

  Result<void> decode(Bytes& input, std::span<std::uint8_t>& output) override {
    while (!output.empty() && (!input.empty() || flushing_)) {
      ZSTD_inBuffer in{input.data(), input.size(), 0};
      ZSTD_outBuffer out{output.data(), output.size(), 0};
      const std::size_t code = ZSTD_decompressStream(context_.get(), &out, &in);
      if (ZSTD_isError(code)) return describe(code);
      input = input.subspan(in.pos);
      output = output.subspan(out.pos);
      any_frame_ = true;
      in_frame_ = code != 0;
      // Room left means that everything decoded so far was delivered.
      flushing_ = in_frame_ && output.empty();
    }
    return {};
  }

  Result<void> finish() const override {
    if (in_frame_ || !any_frame_) return truncated("the zstd stream ends in the middle");
    return {};
  }

 private:
  std::unique_ptr<ZSTD_DCtx, FreeContext> context_;
  bool any_frame_ = false;
  bool in_frame_ = false;
  bool flushing_ = false;
};

}  // namespace

std::unique_ptr<Decoder> make_zstd_decoder() { return std::make_unique<ZstdDecoder>(); }

}  // namespace gantry::layer
