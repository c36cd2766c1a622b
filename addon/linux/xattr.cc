#include "linux/xattr.h"

#include <sys/xattr.h>

namespace gantry {

namespace {

// XATTR_SIZE_MAX of limits.h: the kernel holds no longer value.
constexpr size_t longest_value = 65536;

}  // namespace

Result<std::optional<std::string>> get_xattr(const std::string& path, const std::string& name) {
  std::string value(longest_value, '\0');
  const ssize_t size = ::lgetxattr(path.c_str(), name.c_str(), value.data(), value.size());
  if (size < 0 && (errno == ENODATA || errno == EOPNOTSUPP)) return std::optional<std::string>();
  if (size < 0) return errno_error("lgetxattr", path);
  value.resize(static_cast<size_t>(size));
  return std::optional<std::string>(std::move(value));
}

}  // namespace gantry
