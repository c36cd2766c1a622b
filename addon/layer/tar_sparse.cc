#include "layer/tar_sparse.h"

#include "layer/tar_header.h"

namespace gantry::layer {
namespace {

constexpr std::size_t kOldGnuEntry = 24;
constexpr std::size_t kMaximumExtents = 1024 * 1024;

Error too_long() { return over_limit("the sparse file's map has more than 1,048,576 entries"); }

}  // namespace

Result<void> append_old_gnu_map(Bytes table, std::vector<Extent>& extents) {
  for (; table.size() >= kOldGnuEntry; table = table.subspan(kOldGnuEntry)) {
    if (table[0] == 0) break;
    auto offset = parse_tar_number(table.first(12), "sparse offset");
    if (!offset) return std::move(offset.error());
    auto length = parse_tar_number(table.subspan(12, 12), "sparse length");
    if (!length) return std::move(length.error());
    if (*offset < 0 || *length < 0) return malformed("the sparse file's map holds a negative number");
    if (extents.size() >= kMaximumExtents) return too_long();
    extents.push_back({static_cast<std::uint64_t>(*offset), static_cast<std::uint64_t>(*length)});
  }
  return {};
}

Result<std::vector<Extent>> extents_of(const std::vector<std::uint64_t>& numbers) {
  if (numbers.size() % 2 != 0) return malformed("the sparse file's map has an offset without a length");
  std::vector<Extent> extents;
  extents.reserve(numbers.size() / 2);
  for (std::size_t i = 0; i < numbers.size(); i += 2) extents.push_back({numbers[i], numbers[i + 1]});
  return extents;
}

Result<bool> SparseMapParser::feed(Bytes block) {
  for (const std::uint8_t c : block) {
    if (c >= '0' && c <= '9') {
      if (number_ > (INT64_MAX - 9) / 10) return malformed("the sparse file's map holds a number that is too large");
      number_ = number_ * 10 + static_cast<std::uint64_t>(c - '0');
      digits_ = true;
      continue;
    }
    if (c != '\n' || !digits_) return malformed("the sparse file's map is not a list of numbers");
    GANTRY_TRY(accept(number_));
    number_ = 0;
    digits_ = false;
    // The rest of the block is padding.
    if (extents_.size() == expected_) return true;
  }
  return false;
}

Result<void> SparseMapParser::accept(std::uint64_t number) {
  if (!counted_) {
    if (number > kMaximumExtents) return too_long();
    counted_ = true;
    expected_ = number;
  } else if (!odd_) {
    offset_ = number;
    odd_ = true;
  } else {
    extents_.push_back({offset_, number});
    odd_ = false;
  }
  return {};
}

Result<void> validate_extents(TarMember& member) {
  std::uint64_t end = 0;
  std::uint64_t total = 0;
  std::vector<Extent> kept;
  kept.reserve(member.extents.size());
  for (const Extent& extent : member.extents) {
    if (extent.offset < end || extent.offset > member.size || extent.length > member.size - extent.offset) {
      return malformed("the sparse file's map is not ascending, or reaches beyond the file's size");
    }
    end = extent.offset + extent.length;
    total += extent.length;
    if (extent.length != 0) kept.push_back(extent);
  }
  if (total != member.stored) return malformed("the sparse file's map does not add up to what the archive stores");
  member.extents = std::move(kept);
  return {};
}

}  // namespace gantry::layer
