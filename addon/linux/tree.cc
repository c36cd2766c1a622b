#include "linux/tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>
#include <utility>

#include "linux/directory_names.h"
#include "linux/unique_fd.h"

namespace gantry {

namespace {

UniqueFd open_subdirectory(int parent, const char* name) {
  return UniqueFd(::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

class UsageCounter {
 public:
  Result<void> count(int parent, const char* name, const std::string& path) {
    struct stat status {};
    if (::fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) < 0) {
      return errno == ENOENT || errno == ENOTDIR ? Result<void>() : errno_error("stat", path);
    }
    if (!seen_.emplace(status.st_dev, status.st_ino).second) return {};
    usage_.bytes += static_cast<uint64_t>(status.st_blocks) * 512;
    ++usage_.inodes;
    if (!S_ISDIR(status.st_mode)) return {};
    const UniqueFd directory = open_subdirectory(parent, name);
    if (!directory.valid()) return errno == ENOENT || errno == ENOTDIR ? Result<void>() : errno_error("open", path);
    auto names = names_in(directory.get(), path);
    if (!names) return names.error().code == ENOENT ? Result<void>() : names.error();
    for (const std::string& entry : *names) GANTRY_TRY(count(directory.get(), entry.c_str(), path + "/" + entry));
    return {};
  }

  [[nodiscard]] TreeUsage usage() const { return usage_; }

 private:
  TreeUsage usage_;
  std::set<std::pair<dev_t, ino_t>> seen_;
};

// The attempt to remove it comes first: most of what there is are files, and nothing need be known of them.
Result<void> remove_entry(int parent, const char* name, const std::string& path) {
  if (::unlinkat(parent, name, 0) == 0 || errno == ENOENT) return {};
  if (errno != EISDIR && errno != EPERM) return errno_error("remove", path);
  const int refused = errno;
  const UniqueFd directory = open_subdirectory(parent, name);
  if (!directory.valid()) {
    if (errno == ENOENT) return {};
    return Error{errno == ENOTDIR || errno == ELOOP ? refused : errno, "remove", path, {}};
  }
  // Again, as long as somebody adds to it: a process that is about to be killed may.
  for (int attempt = 0;; ++attempt) {
    auto names = names_in(directory.get(), path);
    if (!names) return names.error();
    for (const std::string& entry : *names) GANTRY_TRY(remove_entry(directory.get(), entry.c_str(), path + "/" + entry));
    if (::unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT) return {};
    if (errno != ENOTEMPTY || attempt == 10) return errno_error("remove", path);
  }
}

}  // namespace

Result<TreeUsage> tree_usage(const std::string& path) {
  UsageCounter counter;
  GANTRY_TRY(counter.count(AT_FDCWD, path.c_str(), path));
  return counter.usage();
}

Result<void> remove_tree(const std::string& path) { return remove_entry(AT_FDCWD, path.c_str(), path); }

}  // namespace gantry
