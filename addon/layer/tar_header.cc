#include "layer/tar_header.h"

#include <algorithm>
#include <string>

namespace gantry::layer {
namespace {

constexpr std::size_t kChecksumAt = 148;
constexpr std::size_t kChecksumLength = 8;

Error bad_number(std::string_view name) {
  return malformed("the header's " + std::string(name) + " field is not a number that fits");
}

// Two's complement, big-endian; the first byte's top bit only marks the encoding, the next one is the sign.
Result<std::int64_t> parse_base256(Bytes field, std::string_view name) {
  const bool negative = (field[0] & 0x40) != 0;
  const std::uint8_t fill = negative ? 0xff : 0x00;
  std::uint64_t value = negative ? ~0ULL : 0;
  for (std::size_t i = 0; i < field.size(); ++i) {
    const auto byte = i == 0 ? static_cast<std::uint8_t>(negative ? field[0] | 0x80 : field[0] & 0x7f) : field[i];
    // What is shifted out must be sign extension.
    if (static_cast<std::uint8_t>(value >> 56) != fill) return bad_number(name);
    value = value << 8 | byte;
  }
  const auto result = static_cast<std::int64_t>(value);
  if ((result < 0) != negative) return bad_number(name);
  return result;
}

Result<std::int64_t> parse_octal(Bytes field, std::string_view name) {
  const auto blank = [](std::uint8_t c) { return c == ' ' || c == '\0'; };
  while (!field.empty() && blank(field.front())) field = field.subspan(1);
  std::uint64_t value = 0;
  while (!field.empty() && !blank(field.front())) {
    const std::uint8_t c = field.front();
    if (c < '0' || c > '7' || value >> 60 != 0) return bad_number(name);
    value = value << 3 | static_cast<std::uint64_t>(c - '0');
    field = field.subspan(1);
  }
  // Some writers leave rubbish behind the terminator; nobody reads it.
  return static_cast<std::int64_t>(value);
}

struct Sums {
  std::int32_t plain = 0;
  std::int32_t with_sign = 0;
};

Sums sum_bytes(Bytes bytes) {
  Sums sums;
  for (const std::uint8_t byte : bytes) {
    sums.plain += byte;
    sums.with_sign += static_cast<std::int8_t>(byte);
  }
  return sums;
}

TarFlavour recognize(Bytes block) {
  const std::string_view magic = as_text(block.subspan(257, 8));
  if (magic == std::string_view("ustar  \0", 8)) return TarFlavour::gnu;
  if (magic.substr(0, 6) != std::string_view("ustar\0", 6)) return TarFlavour::v7;
  return as_text(block.subspan(508, 4)) == std::string_view("tar\0", 4) ? TarFlavour::star : TarFlavour::ustar;
}

}  // namespace

Result<std::int64_t> parse_tar_number(Bytes field, std::string_view name) {
  if ((field[0] & 0x80) != 0) return parse_base256(field, name);
  return parse_octal(field, name);
}

bool is_zero_block(Bytes block) {
  return std::all_of(block.begin(), block.end(), [](std::uint8_t byte) { return byte == 0; });
}

Result<TarHeader> TarHeader::parse(Bytes block) {
  const Sums all = sum_bytes(block.first(kTarBlock));
  const Sums own = sum_bytes(block.subspan(kChecksumAt, kChecksumLength));
  // The sum counts its own field as spaces. Ancient writers summed signed bytes.
  constexpr std::int32_t kSpaces = ' ' * static_cast<std::int32_t>(kChecksumLength);
  const std::int32_t sum = all.plain - own.plain + kSpaces;
  const std::int32_t signed_sum = all.with_sign - own.with_sign + kSpaces;
  auto expected = parse_octal(block.subspan(kChecksumAt, kChecksumLength), "checksum");
  if (!expected || (*expected != sum && *expected != signed_sum)) {
    return malformed("the header's checksum is wrong: this is no tar header");
  }
  TarHeader header(block);
  header.flavour_ = recognize(block);
  return header;
}

std::string_view TarHeader::text(std::size_t at, std::size_t length) const {
  const std::string_view field = as_text(block_.subspan(at, length));
  return field.substr(0, field.find('\0'));
}

Result<std::int64_t> TarHeader::number(std::size_t at, std::size_t length, std::string_view field) const {
  return parse_tar_number(block_.subspan(at, length), field);
}

std::string_view TarHeader::prefix() const {
  if (flavour_ == TarFlavour::ustar) return text(345, 155);
  if (flavour_ == TarFlavour::star) return text(345, 131);
  return {};
}

Result<std::int64_t> TarHeader::device_major() const {
  if (flavour_ == TarFlavour::v7) return std::int64_t{0};
  return number(329, 8, "device major");
}

Result<std::int64_t> TarHeader::device_minor() const {
  if (flavour_ == TarFlavour::v7) return std::int64_t{0};
  return number(337, 8, "device minor");
}

}  // namespace gantry::layer
