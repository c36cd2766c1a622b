// Values into and out of a D-Bus message.
#pragma once

#include <vector>

#include "linux/bus_library.h"
#include "linux/bus_value.h"

namespace gantry {

Result<void> append_to_message(const BusLibrary& library, sd_bus_message* message, const BusValue& value);
// All that is left in it, from where it stands.
Result<std::vector<BusValue>> read_message(const BusLibrary& library, sd_bus_message* message);

}  // namespace gantry
