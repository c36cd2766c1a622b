#pragma once

#include <string>

#include "linux/result.h"

namespace gantry::executor {

// "0-3,7" as this process's CPU affinity; an empty list changes nothing.
Result<void> apply_cpu_list(const std::string& list);

}  // namespace gantry::executor
