#include "layer/directory_tar.h"

#include <numeric>
#include <string_view>

#include "layer/bytes.h"

namespace gantry::layer {
namespace {

constexpr std::size_t kBlock = 512;

// Where the old header has its fields.
constexpr std::size_t kModeAt = 100, kUidAt = 108, kGidAt = 116, kSizeAt = 124, kMtimeAt = 136, kSumAt = 148, kTypeAt = 156;
constexpr std::size_t kMagicAt = 257;

std::string octal(std::uint64_t value, std::size_t digits) {
  std::string text(digits, '0');
  for (; value != 0 && digits > 0; value >>= 3) text[--digits] = static_cast<char>('0' + (value & 7));
  return text;
}

std::string header(std::string_view name, char type, std::uint16_t mode, std::uint64_t size) {
  std::string block(kBlock, '\0');
  const auto put = [&block](std::size_t at, std::string_view text) { block.replace(at, text.size(), text); };
  put(0, name);
  put(kModeAt, octal(mode, 7));
  put(kUidAt, octal(0, 7));
  put(kGidAt, octal(0, 7));
  put(kSizeAt, octal(size, 11));
  put(kMtimeAt, octal(0, 11));
  block[kTypeAt] = type;
  put(kMagicAt, std::string_view("ustar\0" "00", 8));
  // The sum is taken with blanks in its own place.
  put(kSumAt, "        ");
  const auto sum = std::accumulate(block.begin(), block.end(), std::uint64_t{0},
                                   [](std::uint64_t total, char byte) { return total + static_cast<unsigned char>(byte); });
  put(kSumAt, octal(sum, 6) + std::string("\0 ", 2));
  return block;
}

// "<length of the whole record> <key>=<value>\n"
std::string pax_record(std::string_view key, std::string_view value) {
  const std::string body = " " + std::string(key) + "=" + std::string(value) + "\n";
  std::size_t length = body.size() + 1;
  while (std::to_string(length).size() + body.size() != length) length = std::to_string(length).size() + body.size();
  return std::to_string(length) + body;
}

std::string name_of(const std::vector<std::string>& path) {
  if (path.empty()) return "./";
  std::string name;
  for (const std::string& part : path) name.append(part).append("/");
  return name;
}

}  // namespace

// All that may not fit the old header is in the pax header, always: one way, few cases.
void append_directory(std::string& tar, const TarDirectory& directory) {
  std::string pax = pax_record("path", name_of(directory.path)) + pax_record("uid", std::to_string(directory.uid)) +
                    pax_record("gid", std::to_string(directory.gid)) +
                    pax_record("mtime", std::to_string(directory.mtime));
  for (const auto& [name, value] : directory.xattrs) pax.append(pax_record("SCHILY.xattr." + name, value));
  tar.append(header("pax", 'x', 0644, pax.size())).append(pax);
  tar.resize(round_up(tar.size(), kBlock), '\0');
  tar.append(header("directory/", '5', directory.permissions, 0));
}

void append_end(std::string& tar) { tar.append(2 * kBlock, '\0'); }

}  // namespace gantry::layer
