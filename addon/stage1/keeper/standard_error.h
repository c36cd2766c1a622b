#pragma once

#include <unistd.h>

#include <string>

namespace gantry::keeper {

// A line for whoever started stage1; best effort.
inline void say_on_standard_error(const std::string& message) {
  const std::string line = "gantry-stage1: " + message + "\n";
  (void)!::write(2, line.data(), line.size());
}

}  // namespace gantry::keeper
