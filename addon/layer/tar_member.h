// One member of a tar archive, as the headers that belong to it say together.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace gantry::layer {

struct Timestamp {
  std::int64_t seconds = 0;      // since the epoch, may be negative
  std::uint32_t nanoseconds = 0;  // always forward from `seconds`
  bool operator==(const Timestamp&) const = default;
};

struct Xattr {
  std::string name;  // "security.capability"
  std::string value;
};

// A stretch of a sparse file that the archive holds; the rest of the file is zeros.
struct Extent {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

struct TarMember {
  enum class Type { regular, hard_link, symlink, character_device, block_device, directory, fifo };

  Type type = Type::regular;
  std::string name;
  std::string link_name;
  std::uint16_t mode = 0;  // permission bits, setuid, setgid, sticky
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  Timestamp mtime;
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  std::vector<Xattr> xattrs;

  std::uint64_t size = 0;  // of the file, holes included
  bool sparse = false;
  std::vector<Extent> extents;  // of a sparse file: ascending, apart from each other, within `size`
  std::uint64_t stored = 0;     // bytes of content in the archive

  std::uint64_t offset = 0;  // of the member's first header, in the uncompressed stream

  // Ready for the next member; the strings keep their memory.
  void clear() {
    name.clear();
    link_name.clear();
    xattrs.clear();
    extents.clear();
    type = Type::regular;
    mode = 0;
    uid = gid = device_major = device_minor = 0;
    mtime = {};
    size = stored = offset = 0;
    sparse = false;
  }
};

}  // namespace gantry::layer
