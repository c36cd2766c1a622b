// RLIMIT_NOFILE's soft limit: as high as may be for a supervisor, as it was given for what the supervisor starts.
#pragma once

#include <sys/resource.h>

namespace gantry {

// To the hard limit; what it was is remembered for restore_descriptor_limit(), in this process and its clones.
void raise_descriptor_limit();
void restore_descriptor_limit();
// The soft limit that restore_descriptor_limit() sets.
rlim_t given_descriptor_limit();

}  // namespace gantry
