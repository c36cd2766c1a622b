#pragma once

#include <optional>

#include "linux/root_dir.h"
#include "stage1/contract/oci_spec.h"
#include "stage1/executor/sync.h"

namespace gantry::executor {

// A terminal from the container's own devpts: the master goes to the keeper, the slave becomes this session's
// controlling terminal and its stdio. Returns the slave.
Result<UniqueFd> open_console(const RootDir& root, const std::optional<contract::OciConsoleSize>& size,
                              const ChildSync& sync);

}  // namespace gantry::executor
