// The one line of JSON that stage0 reads.
#pragma once

#include <string>

#include "layer/converter.h"

namespace gantry::layer {

[[nodiscard]] std::string report_success(const Conversion& conversion);
[[nodiscard]] std::string report_failure(const Error& error, const Whereabouts& whereabouts);

}  // namespace gantry::layer
