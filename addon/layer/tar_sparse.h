// The maps of sparse files (GNU tar manual, "Sparse Formats").
#pragma once

#include <vector>

#include "layer/bytes.h"
#include "layer/errors.h"
#include "layer/tar_member.h"

namespace gantry::layer {

// Old GNU format: appends the entries of a header's or an extension block's table (24 bytes each) up to the first that
// is empty.
[[nodiscard]] Result<void> append_old_gnu_map(Bytes table, std::vector<Extent>& extents);

// PAX 0.0 and 0.1: offset, length, offset, length …
[[nodiscard]] Result<std::vector<Extent>> extents_of(const std::vector<std::uint64_t>& numbers);

// PAX 1.0: the map leads the data, as decimal lines in whole 512-byte blocks: the count, then offset and length of each.
class SparseMapParser {
 public:
  // Feeds one block; true when the map is complete.
  [[nodiscard]] Result<bool> feed(Bytes block);
  [[nodiscard]] std::vector<Extent> take() { return std::move(extents_); }

 private:
  [[nodiscard]] Result<void> accept(std::uint64_t number);

  std::vector<Extent> extents_;
  std::uint64_t expected_ = 0;
  bool counted_ = false;
  bool odd_ = false;
  std::uint64_t offset_ = 0;
  std::uint64_t number_ = 0;
  bool digits_ = false;
};

// Checks the map against the file's size and what the archive stores, and drops empty stretches.
[[nodiscard]] Result<void> validate_extents(TarMember& member);

}  // namespace gantry::layer
