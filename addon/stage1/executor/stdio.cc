#include "stage1/executor/stdio.h"

#include "linux/clone_process.h"

namespace gantry::executor {

Result<void> give_stdio(const StdioEnds& ends) {
  UniqueFd null;
  if (ends.in < 0 || ends.out < 0 || ends.err < 0) {
    auto opened = open_null();
    if (!opened) return opened.error();
    null = std::move(*opened);
  }
  const auto or_null = [&](int fd) { return fd < 0 ? null.get() : fd; };
  return place_stdio(or_null(ends.in), or_null(ends.out), or_null(ends.err));
}

}  // namespace gantry::executor
