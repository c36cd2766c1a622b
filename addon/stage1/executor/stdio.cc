#include "stage1/executor/stdio.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "linux/clone_process.h"

namespace gantry::executor {

namespace {

bool needs_null(const StdioEnds& ends) { return ends.in < 0 || ends.out < 0 || ends.err < 0; }

bool is_null_device(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && S_ISCHR(status.st_mode) && status.st_rdev == ::makedev(1, 3);
}

}  // namespace

UniqueFd spare_null(const StdioEnds& ends) {
  if (!needs_null(ends)) return {};
  auto opened = open_null();
  return opened ? std::move(*opened) : UniqueFd();
}

Result<void> give_stdio(const StdioEnds& ends, UniqueFd spare) {
  UniqueFd null;
  if (needs_null(ends)) {
    auto own = open_null();
    const bool is_usable = own && is_null_device(own->get());
    if (!is_usable && !spare.valid()) return own ? Error{ENODEV, "open", "/dev/null", {}} : own.error();
    null = is_usable ? std::move(*own) : std::move(spare);
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
