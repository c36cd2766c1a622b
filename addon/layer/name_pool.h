// Names and link targets of a whole layer, in large slabs: a few bytes of overhead each, and none ever moves.
#pragma once

#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "layer/bytes.h"

namespace gantry::layer {

class NamePool {
 public:
  using Handle = std::uint32_t;

  // Keeps a copy of `text` (at most kSlab - 2 bytes); nothing when the pool is full.
  [[nodiscard]] std::optional<Handle> add(std::string_view text) {
    const std::size_t need = text.size() + sizeof(std::uint16_t);
    if (slabs_.empty() || used_ + need > kSlab) {
      if (slabs_.size() == kSlabs) return std::nullopt;
      slabs_.push_back(std::make_unique_for_overwrite<char[]>(kSlab));
      used_ = 0;
    }
    const Handle handle = static_cast<Handle>((slabs_.size() - 1) * kSlab + used_);
    char* const at = slabs_.back().get() + used_;
    const auto length = static_cast<std::uint16_t>(text.size());
    std::memcpy(at, &length, sizeof length);
    if (!text.empty()) std::memcpy(at + sizeof length, text.data(), text.size());
    used_ += need;
    return handle;
  }

  [[nodiscard]] std::string_view at(Handle handle) const {
    const char* const place = slabs_[handle / kSlab].get() + handle % kSlab;
    std::uint16_t length = 0;
    std::memcpy(&length, place, sizeof length);
    return {place + sizeof length, length};
  }

  static constexpr std::size_t kSlab = 1024 * 1024;
  // 512 MiB: a million names of the longest kind twice over.
  static constexpr std::size_t kSlabs = 512;

 private:
  std::vector<std::unique_ptr<char[]>> slabs_;
  std::size_t used_ = 0;
};

}  // namespace gantry::layer
