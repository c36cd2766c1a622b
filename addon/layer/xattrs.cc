#include "layer/xattrs.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

#include "layer/bytes.h"
#include "layer/erofs_format.h"

namespace gantry::layer {
namespace {

struct Prefix {
  std::string_view text;
  std::uint8_t index;
};

// Longest first where one contains the other. ACLs have no name of their own behind the prefix.
constexpr std::array kPrefixes = {
    Prefix{"user.", 1},
    Prefix{"system.posix_acl_access", 2},
    Prefix{"system.posix_acl_default", 3},
    Prefix{"security.", 6},
};
constexpr std::uint8_t kTrusted = 4;
constexpr std::string_view kTrustedText = "trusted.";

constexpr std::size_t kMaximumName = 255;
constexpr std::size_t kMaximumValue = 65535;
constexpr std::size_t kMaximumTotal = sizeof(erofs::XattrHeader) + 4 * (65535 - 1);
// struct posix_acl_xattr_header and _entry: a version, then eight bytes an entry.
constexpr std::size_t kAclHeader = 4;
constexpr std::size_t kAclEntry = 8;

bool valid_acl(std::string_view value) {
  return value.size() >= kAclHeader && (value.size() - kAclHeader) % kAclEntry == 0 &&
         value.substr(0, kAclHeader) == std::string_view("\2\0\0\0", kAclHeader);
}

void append_entry(std::string& encoded, std::uint8_t index, std::string_view name, std::string_view value) {
  if (encoded.empty()) encoded.append(sizeof(erofs::XattrHeader), '\0');
  const erofs::XattrEntry entry{static_cast<std::uint8_t>(name.size()), index,
                                static_cast<std::uint16_t>(value.size())};
  encoded.append(as_text(bytes_of(entry))).append(name).append(value);
  encoded.resize(round_up(encoded.size(), 4), '\0');
}

// Which of the prefixes, if any, and whether Linux would set the attribute on this type of file.
const Prefix* recognize(const Xattr& xattr, TarMember::Type type) {
  const auto found = std::find_if(kPrefixes.begin(), kPrefixes.end(),
                                  [&xattr](const Prefix& prefix) { return xattr.name.starts_with(prefix.text); });
  if (found == kPrefixes.end() || xattr.name.find('\0') != std::string::npos) return nullptr;
  const bool whole = xattr.name.size() == found->text.size();
  if (found->text.ends_with('.') == whole) return nullptr;
  const bool directory = type == TarMember::Type::directory;
  if (found->index == 1 && type != TarMember::Type::regular && !directory) return nullptr;
  if (found->index == 3 && !directory) return nullptr;
  if (found->index == 2 && type == TarMember::Type::symlink) return nullptr;
  if (xattr.name.starts_with("user.overlay.")) return nullptr;
  return found;
}

}  // namespace

Result<EncodedXattrs> encode_xattrs(const std::vector<Xattr>& xattrs, TarMember::Type type) {
  EncodedXattrs result;
  for (const Xattr& xattr : xattrs) {
    const Prefix* const prefix = recognize(xattr, type);
    if (prefix == nullptr) {
      ++result.dropped;
      continue;
    }
    const std::string_view name = std::string_view(xattr.name).substr(prefix->text.size());
    // Linux's own limit for the whole name is the same.
    if (xattr.name.size() > kMaximumName) return malformed("an extended attribute's name is longer than 255 bytes");
    if (xattr.value.size() > kMaximumValue) {
      return unsupported("the extended attribute " + xattr.name + " is larger than EROFS can hold (65,535 bytes)");
    }
    if (name.empty() && !valid_acl(xattr.value)) {
      return malformed("the extended attribute " + xattr.name + " is not an access control list");
    }
    append_entry(result.bytes, prefix->index, name, xattr.value);
  }
  // Room for overlayfs's marks is kept in any case.
  if (result.bytes.size() + 64 > kMaximumTotal) {
    return unsupported("a file's extended attributes take more than EROFS can hold (256 KiB)");
  }
  return result;
}

void append_overlay_mark(std::string& encoded, std::string_view name, std::string_view value) {
  append_entry(encoded, kTrusted, "overlay." + std::string(name), value);
}

Result<std::map<std::string, std::string>> decode_xattrs(std::string_view encoded) {
  const Error damaged = malformed("the layer's file is damaged: its attributes cannot be read");
  // Behind the header; shared attributes, which would be counted in there, are never written.
  if (encoded.size() < sizeof(erofs::XattrHeader) || encoded[offsetof(erofs::XattrHeader, shared_count)] != 0) return damaged;
  std::map<std::string, std::string> xattrs;
  for (std::size_t at = sizeof(erofs::XattrHeader); at + sizeof(erofs::XattrEntry) <= encoded.size(); at = round_up(at, 4)) {
    erofs::XattrEntry entry;
    std::memcpy(&entry, encoded.data() + at, sizeof entry);
    if (entry.name_index == 0) break;  // padding
    at += sizeof entry;
    const std::size_t length = std::size_t{entry.name_length} + entry.value_size;
    const auto prefix = std::find_if(kPrefixes.begin(), kPrefixes.end(),
                                     [&entry](const Prefix& known) { return known.index == entry.name_index; });
    if (length > encoded.size() - at || (prefix == kPrefixes.end() && entry.name_index != kTrusted)) return damaged;
    std::string name(entry.name_index == kTrusted ? kTrustedText : prefix->text);
    name.append(encoded.substr(at, entry.name_length));
    xattrs.emplace(std::move(name), encoded.substr(at + entry.name_length, entry.value_size));
    at += length;
  }
  return xattrs;
}

std::uint16_t xattr_count(std::string_view encoded) {
  if (encoded.empty()) return 0;
  return static_cast<std::uint16_t>((encoded.size() - sizeof(erofs::XattrHeader)) / 4 + 1);
}

}  // namespace gantry::layer
