#include "layer/chunk_plan.h"

#include <algorithm>

#include "layer/bytes.h"
#include "layer/erofs_format.h"

namespace gantry::layer {
namespace {

constexpr std::uint64_t kWorthwhile = 128 * 1024;
constexpr std::uint64_t kMaximumChunks = 1024 * 1024;  // the map has four bytes for each

std::uint64_t chunks_with_data(const TarMember& member, std::uint32_t bits) {
  std::uint64_t count = 0;
  std::uint64_t next = 0;  // the first chunk that is not counted yet
  for (const Extent& extent : member.extents) {
    const std::uint64_t first = std::max(next, extent.offset >> bits);
    const std::uint64_t last = (extent.offset + extent.length - 1) >> bits;
    if (last < first) continue;
    count += last - first + 1;
    next = last + 1;
  }
  return count;
}

}  // namespace

std::optional<std::uint32_t> plan_chunks(const TarMember& member) {
  if (member.size == 0) return std::nullopt;
  std::uint32_t bits = erofs::kBlockBits;
  while (((member.size - 1) >> bits) + 1 > kMaximumChunks) ++bits;
  const std::uint64_t chunks = ((member.size - 1) >> bits) + 1;
  const std::uint64_t with_data = chunks_with_data(member, bits);
  const std::uint64_t saved = (chunks - with_data) << bits;
  if (saved < kWorthwhile + chunks * sizeof(std::uint32_t)) return std::nullopt;
  return bits;
}

}  // namespace gantry::layer
