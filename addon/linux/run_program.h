// A program run to its end by a process that has nothing else to do meanwhile.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "linux/result.h"

namespace gantry {

struct ProgramRun {
  std::string path;               // PATH is not searched
  std::vector<std::string> argv;  // empty: just the path
  std::vector<std::string> env;   // exactly this
  std::string input;              // what it reads from its stdin
  std::optional<int> timeout;     // seconds; then it and its process group are killed
};

struct ProgramEnd {
  int status = 0;  // as waitpid(2) gives it
  bool timed_out = false;
  std::string output;  // the end of its stdout and stderr
};

// An error when it could not be started. The child keeps no descriptor but 0, 1 and 2, and has a session of its own.
Result<ProgramEnd> run_program(const ProgramRun& run);

}  // namespace gantry
