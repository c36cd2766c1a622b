// Pseudo-terminals (pty(7)).
#pragma once

#include <cstdint>

#include "linux/result.h"
#include "linux/unique_fd.h"

namespace gantry {

struct Terminal {
  UniqueFd master, slave;
};

// A new pair from `ptmx`, which must be a devpts multiplexer (anything else, such as an image's own file, is ENOTTY).
Result<Terminal> open_terminal(UniqueFd ptmx);
Result<void> set_terminal_size_of(int terminal, uint32_t rows, uint32_t columns);
// Makes `slave` the controlling terminal of this session leader.
Result<void> take_terminal(int slave);

}  // namespace gantry
