// Whether, and how coarsely, a sparse file is stored in chunks.
#pragma once

#include <cstdint>
#include <optional>

#include "layer/tar_member.h"

namespace gantry::layer {

// The binary logarithm of the chunk size, or nothing where holes save too little: an image with chunks needs Linux 5.15.
[[nodiscard]] std::optional<std::uint32_t> plan_chunks(const TarMember& member);

}  // namespace gantry::layer
