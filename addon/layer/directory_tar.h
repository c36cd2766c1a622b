// A tar of directories only, byte for byte the same for the same input (POSIX.1-2001, pax).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace gantry::layer {

struct TarDirectory {
  std::vector<std::string> path;  // from the root; none: the root itself
  std::uint16_t permissions = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::int64_t mtime = 0;
  std::map<std::string, std::string> xattrs;
};

void append_directory(std::string& tar, const TarDirectory& directory);
void append_end(std::string& tar);

}  // namespace gantry::layer
