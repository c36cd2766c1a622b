#pragma once

namespace gantry {

// Set by tests alone: behave as on the oldest kernel that is supported (5.10), so that what replaces newer calls there is
// run here as well.
inline bool pretend_old_kernel = false;

}  // namespace gantry
