// Giving up, for good and for the whole process, what a process that parses hostile input must not have. Meant to be
// called while the process has one thread; each step fails closed: an error means that the process must end.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>

#include "linux/result.h"

namespace gantry {

// The user that owns nothing; the kernel's overflow id.
inline constexpr uid_t kNobody = 65534;

// Closes every descriptor but those in `keep` (any order, duplicates allowed).
[[nodiscard]] Result<void> close_descriptors_except(std::span<const int> keep);

// no_new_privs, an empty bounding and ambient set, no supplementary groups, user and group `kNobody` where the process
// was root, no capability in any set, not dumpable (nobody else's nobody may trace it).
[[nodiscard]] Result<void> drop_privileges();

// One soft and hard limit (RLIMIT_*); a lower limit that is in force already stays.
[[nodiscard]] Result<void> lower_limit(int resource, std::uint64_t value);

}  // namespace gantry
