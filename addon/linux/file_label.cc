#include "linux/file_label.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <set>
#include <string_view>
#include <vector>

#include "linux/directory_names.h"
#include "linux/unique_fd.h"

namespace gantry {

namespace {

constexpr const char* attribute = "security.selinux";

class TreeLabeller {
 public:
  explicit TreeLabeller(const std::string& label) : label_(label) {}

  Result<void> label(int parent, const char* name, const std::string& path) {
    const UniqueFd entry(::openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!entry.valid()) return errno == ENOENT ? Result<void>() : errno_error("open", path);
    struct stat status {};
    if (::fstat(entry.get(), &status) < 0) return errno_error("stat", path);
    if (S_ISDIR(status.st_mode)) GANTRY_TRY(label_below(entry.get(), status.st_dev, path));
    if (without_labels_.contains(status.st_dev)) return {};
    return label_one(entry.get(), status.st_dev, path);
  }

 private:
  Result<void> label_below(int directory, dev_t device, const std::string& path) {
    auto names = names_in(directory, path);
    if (!names) return names.error().code == ENOENT ? Result<void>() : names.error();
    for (const std::string& name : *names) {
      if (without_labels_.contains(device)) return {};
      GANTRY_TRY(label(directory, name.c_str(), path + "/" + name));
    }
    return {};
  }

  // By way of /proc, because nothing can be done to a descriptor of O_PATH, and anything else would open devices and
  // follow links.
  Result<void> label_one(int entry, dev_t device, const std::string& path) {
    const std::string link = "/proc/self/fd/" + std::to_string(entry);
    char now[4096];
    const ssize_t length = ::getxattr(link.c_str(), attribute, now, sizeof now);
    std::string_view current(now, length > 0 ? static_cast<size_t>(length) : 0);
    if (current.ends_with('\0')) current.remove_suffix(1);
    if (current == label_) return {};
    if (::setxattr(link.c_str(), attribute, label_.c_str(), label_.size() + 1, 0) == 0 || errno == ENOENT) return {};
    if (errno != EOPNOTSUPP) return errno_error("setxattr", path);
    without_labels_.insert(device);
    return {};
  }

  const std::string& label_;
  std::set<dev_t> without_labels_;
};

}  // namespace

Result<void> label_directory(int fd, const std::string& label) {
  const UniqueFd directory(::openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) return errno_error("open", label);
  // With its NUL, as the kernel's own tools write it.
  const int failed = ::fsetxattr(directory.get(), attribute, label.c_str(), label.size() + 1, 0);
  if (failed < 0 && errno != EOPNOTSUPP) return errno_error("setxattr", label);
  return {};
}

Result<void> label_tree(const std::string& path, const std::string& label) {
  return TreeLabeller(label).label(AT_FDCWD, path.c_str(), path);
}

}  // namespace gantry
