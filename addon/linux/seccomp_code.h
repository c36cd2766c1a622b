// Pieces of classic BPF for seccomp filters. Each piece either returns an action or falls through at its end.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "linux/seccomp_filter.h"

namespace gantry::seccomp_code {

SeccompCode give(uint32_t action);
SeccompCode load_architecture();
SeccompCode load_number();

// `action` where all arguments match; else falls through. `wide`: 64-bit arguments.
SeccompCode match(uint32_t action, const std::vector<SeccompArgument>& arguments, bool wide);

// Runs `body`, which always returns, where the accumulator equals `value`; else falls through.
SeccompCode only_if(uint32_t value, const SeccompCode& body);

// From each start to the next one its code, found by halving. Sorted by start, the first one 0.
SeccompCode search(const std::vector<std::pair<uint32_t, SeccompCode>>& ranges);

}  // namespace gantry::seccomp_code
