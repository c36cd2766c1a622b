// Where a root is attached before it is entered.
#pragma once

#include <string>

#include "linux/proc_dir.h"
#include "linux/result.h"

namespace gantry::executor {

// Attaches `mount` in this process's fresh mount namespace, unseen by the host. The namespace's mounts stay what they
// are (peers of the host's), so that what is bound from there later stays one too: only /proc's is made private, and
// the new root goes on top of it. Nothing that an app may be given lies below /proc.
Result<void> attach_new_root(int mount);

// Moves the root from there to `path`, the bundle's own place for it, which is made when missing: hooks look for it
// there.
Result<void> move_new_root(int mount, const std::string& path, const ProcDir& proc);

}  // namespace gantry::executor
