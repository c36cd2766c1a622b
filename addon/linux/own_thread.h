// A thread for what cannot be taken back: a namespace that is joined, a file system view that is unshared.
#pragma once

#include <functional>

#include "linux/result.h"

namespace gantry {

// Runs `body` in a thread of its own, waits for its end, and has its result. Errors: the body's; EAGAIN where no thread can be
// made, which must not end the process (std::thread would throw).
Result<void> run_in_own_thread(const std::function<Result<void>()>& body);

}  // namespace gantry
