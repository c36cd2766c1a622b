#pragma once

#include "files/fields.h"

namespace gantry::files {

// Does what one request asks for. The answer: "+" and what was found, or "-", errno, operation, subject, message.
Fields answer(const Fields& request);

}  // namespace gantry::files
