#pragma once

#include "stage1/executor/executor.h"

namespace gantry::executor {

// By a process of the host: the host's /dev/null, for give_stdio; invalid where no end needs it.
UniqueFd spare_null(const StdioEnds& ends);

// Makes them 0, 1 and 2; what is -1 becomes the container's own /dev/null, so that a look at it shows one of its files.
// Where that is none (an app removed or replaced it, or a volume lies on /dev) it becomes `spare`.
Result<void> give_stdio(const StdioEnds& ends, UniqueFd spare);

// By a process of the host, before an app or exec in a user namespace is cloned: the pipes become its root's. Those of
// another user's could be written but not opened (/dev/stdout), nor be given to the app's user from inside.
void give_pipes_to_root_of(const PodSandbox& sandbox, const StdioEnds& ends);

}  // namespace gantry::executor
