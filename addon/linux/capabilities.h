// Capability sets (capabilities(7)).
#pragma once

#include <cstdint>
#include <string_view>

#include "linux/result.h"

namespace gantry {

// A bit a capability.
using CapabilityMask = uint64_t;

struct CapabilitySets {
  CapabilityMask bounding = 0, effective = 0, inheritable = 0, permitted = 0, ambient = 0;
};

// "CAP_NET_ADMIN" → its number; -1 when the name is not known.
int capability_number(std::string_view name);
// All that the running kernel has.
CapabilityMask kernel_capabilities();

// Everything but the bounding set waits until the user was changed; keep_capabilities(true) carries the permitted set
// over.
Result<void> limit_bounding_set(CapabilityMask keep);
Result<void> keep_capabilities(bool keep);
// Effective, permitted, inheritable, then ambient. What this process does not have itself is EPERM.
Result<void> set_capabilities(const CapabilitySets& sets);
// The permitted set of this process.
Result<CapabilityMask> own_permitted_set();

}  // namespace gantry
