// Something that must be tried until it is true, without waiting for it: killing a cgroup, removing one.
#pragma once

#include <algorithm>
#include <functional>

#include "linux/clock.h"
#include "stage1/keeper/loop.h"

namespace gantry::keeper {

class RepeatUntil {
 public:
  // Tries at once, then after 1, 2, 4 … 50 ms. `done(true)` when a try succeeded, `done(false)` when `limit` nanoseconds
  // have passed; either once, and possibly before start() returns.
  void start(Loop& loop, int64_t limit, std::function<bool()> attempt, std::function<void(bool)> done) {
    attempt_ = std::move(attempt);
    done_ = std::move(done);
    deadline_ = monotonic_now() + limit;
    pause_ = nanoseconds_a_millisecond;
    next(loop);
  }
  void cancel() { timer_.cancel(); }
  [[nodiscard]] bool running() const { return timer_.running(); }

 private:
  void next(Loop& loop) {
    const bool success = attempt_();
    if (success || monotonic_now() >= deadline_) {
      const auto done = std::move(done_);
      return done(success);
    }
    timer_.start(loop, pause_, [this, &loop] { next(loop); });
    pause_ = std::min(pause_ * 2, 50 * nanoseconds_a_millisecond);
  }

  Timer timer_;
  std::function<bool()> attempt_;
  std::function<void(bool)> done_;
  int64_t deadline_ = 0;
  int64_t pause_ = 0;
};

}  // namespace gantry::keeper
