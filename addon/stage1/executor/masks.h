#pragma once

#include "stage1/executor/app_setup.h"

namespace gantry::executor {

// linux.readonlyPaths and linux.maskedPaths: what is not there needs no mask.
Result<void> make_paths_read_only(AppSetup& setup);
Result<void> mask_paths(AppSetup& setup);

}  // namespace gantry::executor
