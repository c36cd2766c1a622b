#include "linux/directory_names.h"

#include <dirent.h>
#include <fcntl.h>

#include <memory>
#include <string_view>

namespace gantry {

namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

}  // namespace

Result<std::vector<std::string>> names_in(int directory, const std::string& path) {
  const int listing = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (listing < 0) return errno_error("open", path);
  const std::unique_ptr<DIR, CloseDirectory> stream(::fdopendir(listing));
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
