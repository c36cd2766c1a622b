// /dev: the devices that every container has (config-linux.md, "Default Devices"), those of spec.linux.devices, and the
// links.
#pragma once

#include "stage1/executor/app_setup.h"

namespace gantry::executor {

// Does nothing where /dev is bound from the host.
Result<void> make_devices(AppSetup& setup);

}  // namespace gantry::executor
