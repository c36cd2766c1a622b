// Looks at paths of the host that users, images and volumes name. Any of these calls may hang for as long as the file system
// behind the path does: they are for processes that somebody is ready to kill.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "linux/result.h"

namespace gantry {

// The path without symbolic links. Nothing where there is nothing (ENOENT, ENOTDIR, ELOOP). The file system itself is asked,
// not the kernel's memory of it, so that one which does not answer is found out here.
Result<std::optional<std::string>> real_path(const std::string& path);

// mkdir -p: what is there stays as it is. EEXIST: the path is a link that leads nowhere.
Result<void> make_directories(const std::string& path, mode_t mode);

// A device node, or a FIFO.
struct SpecialFile {
  std::string path;
  char type = 0;  // 'c', 'b', 'p'
  unsigned major = 0, minor = 0;
  mode_t mode = 0;  // permission bits
  uid_t user = 0;
  gid_t group = 0;
};

// Nothing for what is something else, or is not there.
Result<std::optional<SpecialFile>> special_file(const std::string& path);
// The device nodes at `path` (itself, or all below a directory; without FIFOs, and without what belongs to one container or
// is of no use in any: pts, shm, fd, mqueue, console). Nothing where there is nothing.
Result<std::optional<std::vector<SpecialFile>>> device_nodes(const std::string& path);

// What the processes of a cgroup have open.
struct OpenFiles {
  uint64_t processes = 0, descriptors = 0, sockets = 0;
  std::string first_limits;  // /proc/PID/limits of the first
};
// `directory`: the cgroup's, with cgroup.procs. A process that has just ended has nothing open.
Result<OpenFiles> open_files(const std::string& directory);

}  // namespace gantry
