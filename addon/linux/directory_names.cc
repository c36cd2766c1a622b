#include "linux/directory_names.h"

#include <fcntl.h>

#include <string_view>

#include "linux/directory_stream.h"

namespace gantry {

Result<std::vector<std::string>> names_in(int directory, const std::string& path) {
  const int listing = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (listing < 0) return errno_error("open", path);
  const DirectoryStream stream(::fdopendir(listing));
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return errno_error("readdir", path);
  return names;
}

}  // namespace gantry
