// A whole conversion: stream in, image and digests out.
#pragma once

#include <cstdint>
#include <string>

#include "layer/input.h"
#include "layer/layer_builder.h"
#include "layer/tar_reader.h"

namespace gantry::layer {

// Part of the layer store's key: raised whenever the same tar would give another image.
inline constexpr int kConverterVersion = 2;

struct Conversion {
  std::string compressed_digest;
  std::uint64_t compressed_size = 0;
  std::string diff_id;
  std::uint64_t diff_size = 0;
  std::string erofs_digest;
  std::uint64_t erofs_size = 0;
  BuildSummary layer;
};

// Where a conversion stood when it failed.
struct Whereabouts {
  bool compressed = false;    // which stream `offset` counts in
  std::uint64_t offset = 0;
  std::string entry;          // the member's name; empty between members
};

class Converter {
 public:
  Converter(Input& input, int output_fd, std::uint64_t maximum_bytes, const BuildOptions& options)
      : input_(input), reader_(input), image_(output_fd, maximum_bytes), builder_(image_, options) {}

  [[nodiscard]] Result<Conversion> run();
  [[nodiscard]] Whereabouts whereabouts(const Error& error) const;

 private:
  [[nodiscard]] Result<void> apply_members();

  Input& input_;
  TarReader reader_;
  ImageFile image_;
  LayerBuilder builder_;
  TarMember member_;
};

}  // namespace gantry::layer
