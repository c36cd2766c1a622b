#include "linux/path_handle.h"

#include <fcntl.h>

namespace gantry {

Result<UniqueFd> open_path(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!fd.valid()) return errno_error("open", path);
  return fd;
}

Result<UniqueFd> open_directory(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return errno_error("open", path);
  return fd;
}

Result<UniqueFd> open_directory_at(int handle, const std::string& name) {
  UniqueFd fd(::openat(handle, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return errno_error("open", name);
  return fd;
}

}  // namespace gantry
