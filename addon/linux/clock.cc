#include "linux/clock.h"

#include <ctime>

namespace gantry {

namespace {

int64_t now(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<int64_t>(time.tv_sec) * nanoseconds_a_second + time.tv_nsec;
}

}  // namespace

int64_t realtime_now() { return now(CLOCK_REALTIME); }
int64_t monotonic_now() { return now(CLOCK_MONOTONIC); }

}  // namespace gantry
