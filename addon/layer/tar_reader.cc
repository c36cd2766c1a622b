#include "layer/tar_reader.h"

#include <algorithm>

#include "layer/tar_sparse.h"
#include "layer/tar_values.h"

namespace gantry::layer {
namespace {

// As in Go's archive/tar; nobody has needed more, and it is kept in memory.
constexpr std::int64_t kMaximumExtension = 1024 * 1024;
constexpr std::size_t kMaximumGlobalRecords = 256;
// dev_t as the kernel stores it: 12 and 20 bits.
constexpr std::uint32_t kMaximumMajor = 0xfff;
constexpr std::uint32_t kMaximumMinor = 0xfffff;

Result<TarMember::Type> type_of(const TarHeader& header, std::string_view name) {
  using Type = TarMember::Type;
  switch (header.type()) {
    // Before ustar a directory was a file whose name ends in a slash.
    case '\0': return name.ends_with('/') ? Type::directory : Type::regular;
    case '0':
    case '7':
    case 'S': return Type::regular;
    case '1': return Type::hard_link;
    case '2': return Type::symlink;
    case '3': return Type::character_device;
    case '4': return Type::block_device;
    case '5': return Type::directory;
    case '6': return Type::fifo;
    default: break;
  }
  const int type = static_cast<unsigned char>(header.type());
  return unsupported("the member is of a type that layers do not have (type flag " + std::to_string(type) + ")");
}

Result<std::uint32_t> device_number(Result<std::int64_t> value) {
  if (!value) return std::move(value.error());
  if (*value < 0 || *value > UINT32_MAX) return malformed("the device number is out of range");
  return static_cast<std::uint32_t>(*value);
}

Result<std::uint32_t> id_number(Result<std::int64_t> value) {
  if (!value) return std::move(value.error());
  const auto id = to_id(*value);
  if (!id) return malformed("the owner or group is out of range");
  return *id;
}

}  // namespace

Result<Bytes> TarReader::take(std::uint64_t most) {
  if (piece_.empty()) {
    auto piece = input_.next();
    if (!piece) return piece;
    piece_ = *piece;
    if (!input_.is_plain()) hash_.update(piece_);
  }
  const Bytes taken = piece_.first(static_cast<std::size_t>(std::min<std::uint64_t>(most, piece_.size())));
  piece_ = piece_.subspan(taken.size());
  offset_ += taken.size();
  return taken;
}

// One block, or nothing at the end of the stream. Pieces hold whole blocks, all but the last.
Result<Bytes> TarReader::block() {
  auto taken = take(kTarBlock);
  if (!taken) return taken;
  if (!taken->empty() && taken->size() < kTarBlock) return truncated("the archive ends within a header");
  return taken;
}

Result<Bytes> TarReader::content() {
  if (remaining_ == 0) return Bytes{};
  auto taken = take(remaining_);
  if (!taken) return taken;
  if (taken->empty()) return truncated("the archive ends within a member's content");
  remaining_ -= taken->size();
  return taken;
}

Result<void> TarReader::skip_rest() {
  for (std::uint64_t left = remaining_ + padding_; left > 0;) {
    auto taken = take(left);
    if (!taken) return std::move(taken.error());
    // Some writers leave the last member's padding out.
    if (taken->empty() && left <= padding_) break;
    if (taken->empty()) return truncated("the archive ends within a member's content");
    left -= taken->size();
  }
  remaining_ = padding_ = 0;
  return {};
}

Result<void> TarReader::drain() {
  while (true) {
    auto taken = take(UINT64_MAX);
    if (!taken) return std::move(taken.error());
    if (taken->empty()) return {};
  }
}

std::string TarReader::diff_id() { return input_.is_plain() ? input_.compressed_digest() : hash_.digest(); }

Result<bool> TarReader::next(TarMember& member) {
  GANTRY_TRY(skip_rest());
  member.clear();
  own_.clear();
  long_name_.reset();
  long_link_.reset();
  member.offset = offset_;
  bool extended = false;
  while (true) {
    auto bytes = block();
    if (!bytes) return std::move(bytes.error());
    if (bytes->empty() && extended) return truncated("the archive ends behind an extension header");
    if (bytes->empty()) return false;
    if (is_zero_block(*bytes)) {
      GANTRY_TRY(expect_end(extended));
      return false;
    }
    auto header = TarHeader::parse(*bytes);
    if (!header) return std::move(header.error());
    auto extension = read_extension(*header);
    if (!extension) return std::move(extension.error());
    if (!*extension) {
      GANTRY_TRY(describe(*header, member));
      return true;
    }
    extended = extended || header->type() != 'g';
  }
}

// Behind a first zero block.
Result<void> TarReader::expect_end(bool after_extension) {
  if (after_extension) return malformed("an extension header is followed by no member");
  auto second = block();
  if (!second) return std::move(second.error());
  if (!second->empty() && !is_zero_block(*second)) {
    return malformed("a single zero block stands between members");
  }
  return {};
}

// Whether the header was one that only says something of the next.
Result<bool> TarReader::read_extension(const TarHeader& header) {
  const char type = header.type();
  if (type != 'x' && type != 'g' && type != 'L' && type != 'K') return false;
  auto data = extension(header, type == 'x' || type == 'g' ? "PAX" : "GNU long name");
  if (!data) return std::move(data.error());
  if (type == 'x') GANTRY_TRY(parse_pax(*data, own_));
  if (type == 'g') {
    GANTRY_TRY(parse_pax(*data, global_));
    if (global_.size() > kMaximumGlobalRecords) return over_limit("the archive has more than 256 global PAX records");
  }
  if (type == 'L') long_name_ = data->substr(0, data->find('\0'));
  if (type == 'K') long_link_ = data->substr(0, data->find('\0'));
  return true;
}

Result<std::string> TarReader::extension(const TarHeader& header, std::string_view what) {
  auto size = header.size();
  if (!size) return std::move(size.error());
  if (*size < 0) return malformed("the size of a " + std::string(what) + " header is negative");
  if (*size > kMaximumExtension) return over_limit("a " + std::string(what) + " header is larger than 1 MiB");
  remaining_ = static_cast<std::uint64_t>(*size);
  padding_ = round_up(remaining_, kTarBlock) - remaining_;
  std::string data;
  while (remaining_ > 0) {
    auto part = content();
    if (!part) return std::move(part.error());
    data.append(as_text(*part));
  }
  GANTRY_TRY(skip_rest());
  return data;
}

Result<void> TarReader::describe(const TarHeader& header, TarMember& member) {
  GANTRY_TRY(read_fields(header, member));
  auto overrides = apply_pax(global_, own_, member);
  if (!overrides) return std::move(overrides.error());
  if (long_name_) member.name = *long_name_;
  if (long_link_) member.link_name = *long_link_;
  auto type = type_of(header, member.name);
  if (!type) return std::move(type.error());
  member.type = *type;
  if (member.device_major > kMaximumMajor || member.device_minor > kMaximumMinor) {
    return malformed("the device number is out of range");
  }
  // Links, directories and devices have no content, whatever their size field says.
  if (member.type != TarMember::Type::regular) return {};

  auto size = header.size();
  if (!size) return std::move(size.error());
  if (overrides->size) size = static_cast<std::int64_t>(*overrides->size);
  if (*size < 0) return malformed("the member's size is negative");
  member.size = member.stored = static_cast<std::uint64_t>(*size);
  remaining_ = member.stored;
  padding_ = round_up(remaining_, kTarBlock) - remaining_;
  if (header.type() == 'S') return read_old_gnu_sparse(header, member);
  if (overrides->sparse.present()) return read_pax_sparse(overrides->sparse, member);
  return {};
}

Result<void> TarReader::read_fields(const TarHeader& header, TarMember& member) {
  member.name = header.name();
  if (const auto prefix = header.prefix(); !prefix.empty()) member.name = std::string(prefix) + "/" + member.name;
  member.link_name = header.link_name();
  auto mode = header.mode();
  if (!mode) return std::move(mode.error());
  member.mode = static_cast<std::uint16_t>(*mode & 07777);
  auto uid = id_number(header.uid());
  if (!uid) return std::move(uid.error());
  member.uid = *uid;
  auto gid = id_number(header.gid());
  if (!gid) return std::move(gid.error());
  member.gid = *gid;
  auto mtime = header.mtime();
  if (!mtime) return std::move(mtime.error());
  member.mtime = {*mtime, 0};
  if (header.type() != '3' && header.type() != '4') return {};
  auto device_major = device_number(header.device_major());
  if (!device_major) return std::move(device_major.error());
  member.device_major = *device_major;
  auto device_minor = device_number(header.device_minor());
  if (!device_minor) return std::move(device_minor.error());
  member.device_minor = *device_minor;
  return {};
}

// The map goes on in blocks of its own, before the content.
Result<void> TarReader::read_old_gnu_sparse(const TarHeader& header, TarMember& member) {
  auto real_size = header.sparse_real_size();
  if (!real_size) return std::move(real_size.error());
  if (*real_size < 0) return malformed("the sparse file's size is negative");
  member.sparse = true;
  member.size = static_cast<std::uint64_t>(*real_size);
  GANTRY_TRY(append_old_gnu_map(header.sparse_map(), member.extents));
  for (bool more = header.sparse_continues(); more;) {
    auto bytes = block();
    if (!bytes) return std::move(bytes.error());
    if (bytes->empty()) return truncated("the archive ends within a sparse file's map");
    GANTRY_TRY(append_old_gnu_map(bytes->first(21 * 24), member.extents));
    more = (*bytes)[504] != 0;
  }
  return validate_extents(member);
}

Result<void> TarReader::read_pax_sparse(PaxSparse& sparse, TarMember& member) {
  if (!sparse.real_size) return malformed("the sparse file has no size");
  member.sparse = true;
  member.size = *sparse.real_size;
  if (sparse.name) member.name = *sparse.name;
  if (!sparse.map_in_data()) {
    auto extents = extents_of(sparse.map);
    if (!extents) return std::move(extents.error());
    member.extents = std::move(*extents);
    return validate_extents(member);
  }
  SparseMapParser parser;
  for (bool complete = false; !complete;) {
    if (remaining_ < kTarBlock) return malformed("the sparse file's map is longer than the member");
    auto bytes = block();
    if (!bytes) return std::move(bytes.error());
    if (bytes->empty()) return truncated("the archive ends within a sparse file's map");
    remaining_ -= kTarBlock;
    member.stored -= kTarBlock;
    auto fed = parser.feed(*bytes);
    if (!fed) return std::move(fed.error());
    complete = *fed;
  }
  member.extents = parser.take();
  return validate_extents(member);
}

}  // namespace gantry::layer
