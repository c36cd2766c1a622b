#include "layer/arguments.h"

#include <charconv>
#include <limits>
#include <optional>

namespace gantry::layer {
namespace {

template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
  Number value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

std::optional<Compression> parse_compression(std::string_view text) {
  if (text == "auto") return Compression::automatic;
  if (text == "none") return Compression::none;
  if (text == "gzip") return Compression::gzip;
  if (text == "zstd") return Compression::zstd;
  return std::nullopt;
}

// False where the option is unknown or its value is none that it takes.
bool set_option(std::string_view option, std::string_view value, ConvertArguments& arguments) {
  const auto assign = [](const auto& parsed, auto& target) {
    if (parsed) target = *parsed;
    return parsed.has_value();
  };
  if (option == "--input-fd") return assign(parse_number<int>(value), arguments.input_fd);
  if (option == "--output-fd") return assign(parse_number<int>(value), arguments.output_fd);
  if (option == "--result-fd") return assign(parse_number<int>(value), arguments.result_fd);
  if (option == "--compression") return assign(parse_compression(value), arguments.compression);
  if (option == "--max-bytes") return assign(parse_number<std::uint64_t>(value), arguments.maximum_bytes);
  if (option == "--max-entries") return assign(parse_number<std::uint64_t>(value), arguments.maximum_entries);
  if (option == "--holes") {
    arguments.expand_holes = value == "expand";
    return value == "expand" || value == "keep";
  }
  return false;
}

bool set_option(std::string_view option, std::string_view value, CorrectArguments& arguments) {
  if (option == "--seen") {
    const auto seen = parse_number<std::size_t>(value);
    if (seen) arguments.seen = *seen;
    return seen.has_value();
  }
  const auto fd = parse_number<int>(value);
  if (!fd || option != "--image-fd") return false;
  arguments.images.push_back(*fd);
  return true;
}

Error misused(std::string message) { return {EINVAL, "convert", {}, std::move(message)}; }

// Each option has a value.
template <typename Arguments>
Result<Arguments> parse_options(std::span<char* const> arguments) {
  Arguments parsed;
  for (; !arguments.empty(); arguments = arguments.subspan(2)) {
    const std::string option = arguments[0];
    if (arguments.size() < 2) return misused(option + " needs a value, or is no option");
    if (!set_option(option, arguments[1], parsed)) {
      return misused(option + " is no option, or cannot be " + arguments[1]);
    }
  }
  return parsed;
}

}  // namespace

Result<CorrectArguments> parse_correct(std::span<char* const> arguments) {
  auto parsed = parse_options<CorrectArguments>(arguments);
  if (parsed && parsed->seen >= parsed->images.size()) return misused("--seen must be one of the layers that --image-fd name");
  return parsed;
}

Result<ConvertArguments> parse_convert(std::span<char* const> arguments) {
  auto parsed = parse_options<ConvertArguments>(arguments);
  if (!parsed) return parsed;
  if (parsed->input_fd < 0 || parsed->output_fd < 0) return misused("--input-fd and --output-fd are required");
  if (parsed->output_fd == parsed->input_fd || parsed->output_fd == parsed->result_fd) {
    return misused("the output's descriptor must be one of its own");
  }
  return parsed;
}

std::string usage() {
  return "usage: gantry-layer convert --input-fd N --output-fd M [--result-fd R] [--compression auto|none|gzip|zstd]\n"
         "                            [--max-bytes B] [--max-entries E] [--holes keep|expand]\n"
         "       gantry-layer correct --seen I --image-fd N [--image-fd N ...] <implied directories\n"
         "       gantry-layer version\n";
}

}  // namespace gantry::layer
