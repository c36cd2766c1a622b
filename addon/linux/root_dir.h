// A directory tree that is not trusted, such as an image's root: every path is resolved inside of it (openat2(2),
// RESOLVE_IN_ROOT), symbolic links and ".." included, whatever anybody changes meanwhile.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <string>

#include "linux/result.h"
#include "linux/unique_fd.h"

namespace gantry {

class RootDir {
 public:
  explicit RootDir(UniqueFd root) : root_(std::move(root)) {}
  [[nodiscard]] int fd() const { return root_.get(); }

  // open(2) below the root; `flags` get O_CLOEXEC. Magic links (/proc/self/fd/3) are never followed.
  [[nodiscard]] Result<UniqueFd> open(const std::string& path, int flags) const;

  enum class Kind { directory, file };
  // An O_PATH descriptor of `path`. What is missing is made: directories (0755), and as its last name an empty file
  // (0644) if `kind` says so. A dangling symbolic link is followed to where it points, inside the root.
  [[nodiscard]] Result<UniqueFd> ensure(const std::string& path, Kind kind) const;

  // The directory that `path` lies in (made if missing) for calls that take a name: symlinkat, mknodat, unlinkat.
  struct Place {
    UniqueFd directory;
    std::string name;
  };
  [[nodiscard]] Result<Place> place(const std::string& path) const;

  // Makes a symbolic link in place of nothing; leaves alone what is there.
  Result<void> symlink(const std::string& target, const std::string& path) const;
  // Removes a file if there is one.
  Result<void> unlink(const std::string& path) const;

 private:
  UniqueFd root_;
};

// `path` without ".", "..", and repeated slashes, taken as text; always absolute.
std::string clean_path(const std::string& path);

Result<struct stat> status_of(int fd, const std::string& name);

}  // namespace gantry
