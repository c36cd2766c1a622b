#include "stage1/executor/stdio.h"

#include <sys/stat.h>
#include <unistd.h>

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

void give_pipes_to_root_of(const PodSandbox& sandbox, const StdioEnds& ends) {
  if (!sandbox.user.valid()) return;
  for (const int fd : {ends.in, ends.out, ends.err}) {
    struct stat status {};
    if (fd < 0 || ::fstat(fd, &status) < 0 || !S_ISFIFO(status.st_mode)) continue;
    // What stays the host's can be used as it was inherited.
    (void)!::fchown(fd, sandbox.root_uid, sandbox.root_gid);
  }
}

}  // namespace gantry::executor
