#pragma once

#include <dirent.h>

#include <memory>

namespace gantry {

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

// What opendir(3) and fdopendir(3) return.
using DirectoryStream = std::unique_ptr<DIR, CloseDirectory>;

}  // namespace gantry
