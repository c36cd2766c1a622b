#include "linux/file_label.h"

#include <fcntl.h>
#include <sys/xattr.h>

#include "linux/unique_fd.h"

namespace gantry {

Result<void> label_directory(int fd, const std::string& label) {
  const UniqueFd directory(::openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) return errno_error("open", label);
  // With its NUL, as the kernel's own tools write it.
  const int failed = ::fsetxattr(directory.get(), "security.selinux", label.c_str(), label.size() + 1, 0);
  if (failed < 0 && errno != EOPNOTSUPP) return errno_error("setxattr", label);
  return {};
}

}  // namespace gantry
