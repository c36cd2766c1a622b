#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <string_view>

namespace gantry::layer {

using Bytes = std::span<const std::uint8_t>;

// On-disk structures are written as they lie in memory: EROFS is little-endian, and so are all hosts of Gantry.
static_assert(std::endian::native == std::endian::little);

template <typename T>
[[nodiscard]] Bytes bytes_of(const T& object) {
  return {reinterpret_cast<const std::uint8_t*>(&object), sizeof(T)};
}

[[nodiscard]] inline Bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

[[nodiscard]] inline std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

[[nodiscard]] constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) {
  return (value + unit - 1) / unit * unit;
}

}  // namespace gantry::layer
