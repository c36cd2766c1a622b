// The encodings that values in PAX records have.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "layer/tar_member.h"

namespace gantry::layer {

// An optional sign and decimal digits, nothing else, within 64 bits.
[[nodiscard]] std::optional<std::int64_t> parse_decimal(std::string_view text);

// A user or group. Negative numbers are what 32-bit writers made of large ones; -1 is nobody's (chown(2)).
[[nodiscard]] std::optional<std::uint32_t> to_id(std::int64_t value);

// Seconds with an optional fraction, cut after nanoseconds.
[[nodiscard]] std::optional<Timestamp> parse_pax_time(std::string_view text);

// RFC 4648, section 4; padding may be missing, as libarchive writes it.
[[nodiscard]] std::optional<std::string> decode_base64(std::string_view text);

// %XX for a byte (RFC 3986, 2.1).
[[nodiscard]] std::optional<std::string> decode_percent(std::string_view text);

}  // namespace gantry::layer
