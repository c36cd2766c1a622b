// PAX extended headers (POSIX.1-2001, pax, "ustar Interchange Format and Extended Header"), with star's, libarchive's and
// GNU tar's keywords for attributes and sparse files.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "layer/errors.h"
#include "layer/tar_member.h"

namespace gantry::layer {

struct PaxRecord {
  std::string key;
  std::string value;
};
using PaxRecords = std::vector<PaxRecord>;

// The records of one header's data, in order, appended to `records`.
[[nodiscard]] Result<void> parse_pax(std::string_view data, PaxRecords& records);

// What GNU tar says of a sparse file in PAX headers (GNU tar manual, "Sparse Formats"; 0.0, 0.1 and 1.0).
struct PaxSparse {
  std::string major;
  std::string minor;
  std::optional<std::string> name;
  std::optional<std::uint64_t> real_size;
  // 0.0: offset, length, offset, length … in the order of the records. 0.1: the same, from one comma-separated list.
  std::vector<std::uint64_t> map;
  bool has_map = false;

  // 1.0 keeps the map at the start of the member's data.
  [[nodiscard]] bool map_in_data() const { return major == "1" && minor == "0"; }
  [[nodiscard]] bool present() const { return has_map || map_in_data(); }
};

struct PaxOverrides {
  std::optional<std::uint64_t> size;
  PaxSparse sparse;
};

// Applies global records, then the member's own (which win; an empty value cancels a global one), to what the header
// block said. A size, and everything sparse, is returned for the reader to act on.
[[nodiscard]] Result<PaxOverrides> apply_pax(const PaxRecords& global, const PaxRecords& own, TarMember& member);

}  // namespace gantry::layer
