#include "layer/implied_directories.h"

#include <algorithm>

#include "layer/bytes.h"

namespace gantry::layer {
namespace {

constexpr std::size_t kMaximumText = 16 * 1024 * 1024;

// Bytes of the well-formed UTF-8 sequence at the start (Unicode, table 3-7); 0 where there is none.
std::size_t utf8_length(Bytes text) {
  const auto continuation = [text](std::size_t at, std::uint8_t low = 0x80, std::uint8_t high = 0xbf) {
    return at < text.size() && text[at] >= low && text[at] <= high;
  };
  const std::uint8_t first = text[0];
  if (first >= 0xc2 && first <= 0xdf) return continuation(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const std::uint8_t low = first == 0xe0 ? 0xa0 : 0x80;
    const std::uint8_t high = first == 0xed ? 0x9f : 0xbf;
    return continuation(1, low, high) && continuation(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const std::uint8_t low = first == 0xf0 ? 0x90 : 0x80;
    const std::uint8_t high = first == 0xf4 ? 0x8f : 0xbf;
    return continuation(1, low, high) && continuation(2) && continuation(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::string escape_bytes(std::string_view text) {
  std::string escaped;
  while (!text.empty()) {
    const auto first = static_cast<std::uint8_t>(text.front());
    const bool plain = first >= 0x20 && first < 0x7f && first != '%';
    const std::size_t length = plain ? 1 : utf8_length(as_bytes(text));
    if (length != 0) {
      escaped.append(text.substr(0, length));
      text.remove_prefix(length);
      continue;
    }
    escaped += '%';
    escaped += "0123456789ABCDEF"[first >> 4];
    escaped += "0123456789ABCDEF"[first & 15];
    text.remove_prefix(1);
  }
  return escaped;
}

Result<std::vector<std::string>> implied_directories(Tree& tree, const std::vector<bool>& live) {
  std::vector<std::string> paths;
  std::size_t text = 0;
  std::vector<bool> cut_off(tree.directories().size());  // what lower layers have in it is hidden
  for (std::size_t index = 0; index < tree.directories().size(); ++index) {
    const Directory& directory = tree.directories()[index];
    // Parents come before their children.
    const EntryId parent = tree[directory.entry].parent;
    const bool parent_cut_off = index != 0 && cut_off[tree[parent].inode];
    cut_off[index] = directory.opaque || parent_cut_off;
    // An opaque marker hides what is in the directory, and nothing of the directory's own.
    if (directory.named || directory.fresh || parent_cut_off || !live[directory.entry]) continue;
    paths.push_back(escape_bytes(tree.path(directory.entry)));
    text += paths.back().size();
    if (text > kMaximumText) return over_limit("the paths of directories that the archive does not name take more than 16 MiB");
  }
  return paths;
}

}  // namespace gantry::layer
