#pragma once

#include <cstdint>

namespace gantry {

inline constexpr int64_t nanoseconds_a_second = 1'000'000'000;
inline constexpr int64_t nanoseconds_a_millisecond = 1'000'000;

// Nanoseconds since the epoch; what CRI, logs and records carry.
int64_t realtime_now();
// Nanoseconds of a clock that is never set; what timers run on.
int64_t monotonic_now();

}  // namespace gantry
