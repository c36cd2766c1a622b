// Which contract this stage1 speaks: docs/stage1-contract.md and docs/releases.md.
#pragma once

#include <cstdint>

namespace gantry::contract {

// In manifests and Hello. Raised by each release that adds to the contract.
uint32_t contract_version();

// The highest number of a Request's `op` that this stage1 knows; a later one is answered ENOSYS.
uint32_t last_request();

}  // namespace gantry::contract
