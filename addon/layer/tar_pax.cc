#include "layer/tar_pax.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <unordered_set>

#include "layer/tar_values.h"

namespace gantry::layer {
namespace {

constexpr std::string_view kSchilyXattr = "SCHILY.xattr.";
constexpr std::string_view kLibarchiveXattr = "LIBARCHIVE.xattr.";
constexpr std::string_view kGnuSparse = "GNU.sparse.";
constexpr std::size_t kMaximumMap = 2 * 1024 * 1024;  // numbers; two for each stretch of data
constexpr std::size_t kMaximumXattrs = 1024;           // of one file; the kernel lists at most 64 KiB of names

Error bad_record(const PaxRecord& record) {
  return malformed("the PAX record " + record.key + " has a value that it cannot have");
}

bool has_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

Result<std::uint64_t> unsigned_value(const PaxRecord& record) {
  const auto value = parse_decimal(record.value);
  if (!value || *value < 0) return bad_record(record);
  return static_cast<std::uint64_t>(*value);
}

Result<void> set_text(const PaxRecord& record, std::string& target) {
  if (has_nul(record.value)) return bad_record(record);
  target = record.value;
  return {};
}

Result<void> set_id(const PaxRecord& record, std::uint32_t& target) {
  const auto value = parse_decimal(record.value);
  const auto id = value ? to_id(*value) : std::nullopt;
  if (!id) return bad_record(record);
  target = *id;
  return {};
}

Result<void> set_device(const PaxRecord& record, std::uint32_t& target) {
  auto value = unsigned_value(record);
  if (!value) return std::move(value.error());
  if (*value > std::numeric_limits<std::uint32_t>::max()) return bad_record(record);
  target = static_cast<std::uint32_t>(*value);
  return {};
}

Result<void> set_mtime(const PaxRecord& record, Timestamp& target) {
  const auto value = parse_pax_time(record.value);
  if (!value) return bad_record(record);
  target = *value;
  return {};
}

Result<void> set_xattr(TarMember& member, std::string name, std::string value, bool replace) {
  const auto same = std::find_if(member.xattrs.begin(), member.xattrs.end(),
                                 [&name](const Xattr& xattr) { return xattr.name == name; });
  if (same == member.xattrs.end()) {
    if (member.xattrs.size() >= kMaximumXattrs) return over_limit("a file has more than 1,024 extended attributes");
    member.xattrs.push_back({std::move(name), std::move(value)});
  } else if (replace) {
    same->value = std::move(value);
  }
  return {};
}

// bsdtar writes each attribute twice; star's form is exact and wins.
Result<void> set_libarchive_xattr(const PaxRecord& record, TarMember& member) {
  auto value = decode_base64(record.value);
  auto name = decode_percent(std::string_view(record.key).substr(kLibarchiveXattr.size()));
  if (!value || !name) return bad_record(record);
  return set_xattr(member, std::move(*name), std::move(*value), false);
}

Result<void> add_map(const PaxRecord& record, std::string_view numbers, PaxSparse& sparse) {
  sparse.has_map = true;
  while (!numbers.empty()) {
    const std::size_t comma = numbers.find(',');
    const auto value = parse_decimal(numbers.substr(0, comma));
    if (!value || *value < 0) return bad_record(record);
    if (sparse.map.size() >= kMaximumMap) return over_limit("the sparse file's map is too long");
    sparse.map.push_back(static_cast<std::uint64_t>(*value));
    if (comma == std::string_view::npos) break;
    numbers.remove_prefix(comma + 1);
  }
  return {};
}

Result<void> apply_sparse(const PaxRecord& record, PaxSparse& sparse) {
  const std::string_view key = std::string_view(record.key).substr(kGnuSparse.size());
  if (key == "major") sparse.major = record.value;
  if (key == "minor") sparse.minor = record.value;
  if (key == "name") {
    if (has_nul(record.value)) return bad_record(record);
    sparse.name = record.value;
  }
  if (key == "size" || key == "realsize") {
    auto value = unsigned_value(record);
    if (!value) return std::move(value.error());
    sparse.real_size = *value;
  }
  // 0.0 repeats the pair; 0.1 has it in one record.
  if (key == "offset" || key == "numbytes" || key == "map") return add_map(record, record.value, sparse);
  return {};
}

Result<void> apply_record(const PaxRecord& record, TarMember& member, PaxOverrides& overrides) {
  const std::string_view key = record.key;
  if (key.starts_with(kSchilyXattr)) {
    return set_xattr(member, record.key.substr(kSchilyXattr.size()), record.value, true);
  }
  if (record.value.empty()) return {};  // back to what the header block says
  if (key == "path") return set_text(record, member.name);
  if (key == "linkpath") return set_text(record, member.link_name);
  if (key == "uid") return set_id(record, member.uid);
  if (key == "gid") return set_id(record, member.gid);
  if (key == "mtime") return set_mtime(record, member.mtime);
  if (key == "SCHILY.devmajor") return set_device(record, member.device_major);
  if (key == "SCHILY.devminor") return set_device(record, member.device_minor);
  if (key.starts_with(kLibarchiveXattr)) return set_libarchive_xattr(record, member);
  if (key.starts_with(kGnuSparse)) return apply_sparse(record, overrides.sparse);
  if (key == "size") {
    auto value = unsigned_value(record);
    if (!value) return std::move(value.error());
    overrides.size = *value;
  }
  return {};  // atime, ctime, uname, gname, comment, vendors' own
}

}  // namespace

Result<void> parse_pax(std::string_view data, PaxRecords& records) {
  while (!data.empty()) {
    // "<length> <key>=<value>\n", the length counting itself.
    std::size_t length = 0;
    const auto [end, problem] = std::from_chars(data.data(), data.data() + data.size(), length);
    const auto digits = static_cast<std::size_t>(end - data.data());
    if (problem != std::errc() || digits == data.size() || *end != ' ' || length > data.size() ||
        length < digits + 2 || data[length - 1] != '\n') {
      return malformed("a PAX header holds a record whose length is wrong");
    }
    const std::string_view record = data.substr(digits + 1, length - digits - 2);
    const std::size_t equals = record.find('=');
    if (equals == 0 || equals == std::string_view::npos || has_nul(record.substr(0, equals))) {
      return malformed("a PAX header holds a record without a keyword");
    }
    records.push_back({std::string(record.substr(0, equals)), std::string(record.substr(equals + 1))});
    data.remove_prefix(length);
  }
  return {};
}

Result<PaxOverrides> apply_pax(const PaxRecords& global, const PaxRecords& own, TarMember& member) {
  PaxOverrides overrides;
  std::unordered_set<std::string_view> overridden;
  if (!global.empty()) {
    for (const PaxRecord& record : own) overridden.insert(record.key);
  }
  for (const PaxRecord& record : global) {
    if (!overridden.contains(record.key)) GANTRY_TRY(apply_record(record, member, overrides));
  }
  for (const PaxRecord& record : own) GANTRY_TRY(apply_record(record, member, overrides));
  return overrides;
}

}  // namespace gantry::layer
