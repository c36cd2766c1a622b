// The one line of JSON that stage0 reads.
#pragma once

#include <string>

#include "layer/converter.h"
#include "layer/correction.h"

namespace gantry::layer {

[[nodiscard]] std::string report_success(const Conversion& conversion);
// The line, and behind it the tar.
[[nodiscard]] std::string report_correction(const Correction& correction);
[[nodiscard]] std::string report_failure(const Error& error, const Whereabouts& whereabouts);

}  // namespace gantry::layer
