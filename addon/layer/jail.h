// What stands between hostile bytes and the host: no privileges, no other descriptors, and only the system calls that a
// conversion needs, each on its own descriptor.
#pragma once

#include <cstdint>
#include <vector>

#include "layer/errors.h"

namespace gantry::layer {

struct JailOptions {
  int input_fd = -1;
  int output_fd = -1;  // -1: nothing is written but the result
  int result_fd = -1;
  std::vector<int> images = {};  // read at any offset
  std::uint64_t maximum_file_size = 0;  // bytes; 0: no limit of its own
};

// Before any thread is started: closes all other descriptors, gives up every privilege, lowers limits. Where memory
// runs out, this process is among the first to be killed.
[[nodiscard]] Result<void> give_up_privileges(const JailOptions& options);

// After the last thread was started: the system call filter, on all threads. A violation kills the process (SIGSYS).
// Not in sanitizer builds, whose runtimes need more calls.
[[nodiscard]] Result<void> lock_down(const JailOptions& options);

}  // namespace gantry::layer
