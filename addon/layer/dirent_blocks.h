// The content of a directory: in every block first the entries, then their names; no name is split.
#pragma once

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "layer/bytes.h"
#include "layer/erofs_format.h"

namespace gantry::layer {

// Bytes that a directory takes, its last block not padded.
class DirentSizer {
 public:
  // True where the name begins a new block.
  bool add(std::size_t name_length) {
    const std::size_t need = sizeof(erofs::Dirent) + name_length;
    const bool next = used_ + need > erofs::kBlock;
    if (next) {
      ++blocks_;
      used_ = 0;
    }
    used_ += need;
    return next;
  }
  [[nodiscard]] std::uint64_t size() const { return blocks_ * erofs::kBlock + used_; }

 private:
  std::uint64_t blocks_ = 0;
  std::size_t used_ = 0;
};

// The bytes themselves, of blocks `first` to `first + count`; names are given in order, from the directory's first on.
class DirentBlocks {
 public:
  DirentBlocks(std::uint64_t first, std::uint64_t count) : first_(first), end_(first + count) {}

  void add(std::string_view name, std::uint64_t nid, std::uint8_t file_type) {
    if (sizer_.add(name.size())) close_block();
    if (block_ < first_ || block_ >= end_) return;
    entries_.push_back({nid, static_cast<std::uint16_t>(names_.size()), file_type, 0});
    names_.append(name);
  }

  [[nodiscard]] std::string take() {
    close_block();
    return std::move(content_);
  }

 private:
  void close_block() {
    ++block_;
    if (entries_.empty()) return;
    // Padding goes before the block that follows, so that the last one has none.
    content_.resize(round_up(content_.size(), erofs::kBlock), '\0');
    const std::size_t table = entries_.size() * sizeof(erofs::Dirent);
    for (erofs::Dirent& entry : entries_) {
      entry.name_offset = static_cast<std::uint16_t>(entry.name_offset + table);
      content_.append(as_text(bytes_of(entry)));
    }
    content_.append(names_);
    entries_.clear();
    names_.clear();
  }

  std::uint64_t first_;
  std::uint64_t end_;
  std::uint64_t block_ = 0;
  DirentSizer sizer_;
  std::vector<erofs::Dirent> entries_;
  std::string names_;
  std::string content_;
};

}  // namespace gantry::layer
