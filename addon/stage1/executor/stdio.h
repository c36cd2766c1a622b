#pragma once

#include "stage1/executor/executor.h"

namespace gantry::executor {

// Makes them 0, 1 and 2; what is -1 becomes the container's own /dev/null, so that a look at it shows one of its files.
Result<void> give_stdio(const StdioEnds& ends);

}  // namespace gantry::executor
