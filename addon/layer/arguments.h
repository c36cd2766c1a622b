#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "layer/decoder.h"

namespace gantry::layer {

struct ConvertArguments {
  int input_fd = -1;
  int output_fd = -1;
  int result_fd = 1;
  Compression compression = Compression::automatic;
  std::uint64_t maximum_bytes = 0;  // of the image; 0: EROFS's own limit
  std::uint64_t maximum_entries = 4 * 1024 * 1024;
  bool expand_holes = false;
};

struct CorrectArguments {
  int input_fd = 0;
  int result_fd = 1;
  std::vector<int> images;  // lowest first
  std::size_t seen = 0;     // the first that shows
};

// The options behind `correct`; errors as those of parse_convert.
[[nodiscard]] Result<CorrectArguments> parse_correct(std::span<char* const> arguments);

// The options behind `convert`. An error's message is for the person who wrote the command line.
[[nodiscard]] Result<ConvertArguments> parse_convert(std::span<char* const> arguments);

[[nodiscard]] std::string usage();

}  // namespace gantry::layer
