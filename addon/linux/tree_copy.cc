#include "linux/tree_copy.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "linux/directory_stream.h"
#include "linux/unique_fd.h"

namespace gantry {

namespace {

// What the target cannot hold (tmpfs and user attributes on old kernels) is left out.
void copy_extended_attributes(int from, int to) {
  if (::flistxattr(from, nullptr, 0) <= 0) return;
  std::vector<char> names(64 * 1024), value(64 * 1024);
  const ssize_t total = ::flistxattr(from, names.data(), names.size());
  for (ssize_t at = 0; at < total; at += static_cast<ssize_t>(std::strlen(&names[static_cast<size_t>(at)])) + 1) {
    const char* attribute = &names[static_cast<size_t>(at)];
    const ssize_t length = ::fgetxattr(from, attribute, value.data(), value.size());
    if (length >= 0) (void)!::fsetxattr(to, attribute, value.data(), static_cast<size_t>(length), 0);
  }
}

Result<void> copy_attributes(int from, int to, const struct stat& status, const std::string& name) {
  if (::fchown(to, status.st_uid, status.st_gid) < 0) return errno_error("chown", name);
  if (::fchmod(to, status.st_mode & 07777) < 0) return errno_error("chmod", name);
  // A change of owner takes capabilities away.
  copy_extended_attributes(from, to);
  const timespec times[2] = {status.st_atim, status.st_mtim};
  if (::futimens(to, times) < 0) return errno_error("utimensat", name);
  return {};
}

Result<void> copy_range(int from, int to, off_t at, off_t end, const std::string& name) {
  char buffer[64 * 1024];
  while (at < end) {
    const auto wanted = static_cast<size_t>(std::min<off_t>(end - at, sizeof buffer));
    const ssize_t length = ::pread(from, buffer, wanted, at);
    if (length < 0) return errno_error("read", name);
    if (length == 0) return {};
    for (ssize_t done = 0; done < length;) {
      const ssize_t written = ::pwrite(to, buffer + done, static_cast<size_t>(length - done), at + done);
      if (written < 0) return errno_error("write", name);
      done += written;
    }
    at += length;
  }
  return {};
}

// Holes stay holes: an image may have files that no disk would hold otherwise.
Result<void> copy_bytes(int from, int to, off_t size, const std::string& name) {
  for (off_t at = 0; at < size;) {
    const off_t data = ::lseek(from, at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) break;
    const off_t begin = data < 0 ? at : data;
    const off_t hole = data < 0 ? -1 : ::lseek(from, begin, SEEK_HOLE);
    const off_t end = hole < 0 ? size : std::min(hole, size);
    GANTRY_TRY(copy_range(from, to, begin, end, name));
    at = end;
  }
  if (::ftruncate(to, size) < 0) return errno_error("ftruncate", name);
  return {};
}

Result<void> copy_file(int from, int to, const char* entry, const struct stat& status, const std::string& name) {
  const UniqueFd source(::openat(from, entry, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!source.valid()) return errno_error("open", name);
  const UniqueFd target(::openat(to, entry, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!target.valid()) return errno_error("open", name);
  GANTRY_TRY(copy_bytes(source.get(), target.get(), status.st_size, name));
  return copy_attributes(source.get(), target.get(), status, name);
}

// Symbolic links and special files have no descriptor of their own to work on.
Result<void> copy_special(int from, int to, const char* entry, const struct stat& status, const std::string& name) {
  if (S_ISLNK(status.st_mode)) {
    char target[PATH_MAX];
    const ssize_t length = ::readlinkat(from, entry, target, sizeof target - 1);
    if (length < 0) return errno_error("readlink", name);
    target[length] = '\0';
    if (::symlinkat(target, to, entry) < 0) return errno_error("symlink", name);
  } else if (::mknodat(to, entry, status.st_mode, status.st_rdev) < 0) {
    return errno == EPERM ? Result<void>() : errno_error("mknod", name);
  }
  if (::fchownat(to, entry, status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW) < 0) return errno_error("chown", name);
  const timespec times[2] = {status.st_atim, status.st_mtim};
  if (::utimensat(to, entry, times, AT_SYMLINK_NOFOLLOW) < 0) return errno_error("utimensat", name);
  return {};
}

// One copy under way.
struct Copy {
  int root;  // the directory that is copied to
  std::string name;  // of it
  dev_t device;      // what is of others stays out
  // The first names, below `root`, of what has several.
  std::map<std::pair<dev_t, ino_t>, std::string> linked;
};

// A further name of what is there already. The path was made by this copy, and nobody else has the directory yet.
Result<bool> link_again(const Copy& copy, int to, const char* entry, const struct stat& status, const std::string& name) {
  const auto found = copy.linked.find({status.st_dev, status.st_ino});
  if (found == copy.linked.end()) return false;
  if (::linkat(copy.root, found->second.c_str(), to, entry, 0) == 0) return true;
  // It becomes a file of its own where the file system takes no links, or no more of them, where the path is too long,
  // and where the first name could not be made.
  constexpr std::array refusals{EPERM, EMLINK, EOPNOTSUPP, EXDEV, ENOENT, ENAMETOOLONG};
  if (std::ranges::find(refusals, errno) != refusals.end()) return false;
  return errno_error("link", name);
}

Result<void> copy_directory(Copy& copy, int from, int to, const std::string& name);

Result<void> copy_file_or_special(Copy& copy, int from, int to, const char* entry, const struct stat& status,
                                  const std::string& name) {
  if (status.st_nlink > 1) {
    auto again = link_again(copy, to, entry, status, name);
    if (!again) return again.error();
    if (*again) return {};
    copy.linked.try_emplace({status.st_dev, status.st_ino}, name.substr(copy.name.size() + 1));
  }
  return S_ISREG(status.st_mode) ? copy_file(from, to, entry, status, name)
                                 : copy_special(from, to, entry, status, name);
}

Result<void> copy_entry(Copy& copy, int from, int to, const char* entry, const std::string& name) {
  struct stat status {};
  if (::fstatat(from, entry, &status, AT_SYMLINK_NOFOLLOW) < 0) return errno_error("stat", name);
  if (!S_ISDIR(status.st_mode)) return copy_file_or_special(copy, from, to, entry, status, name);
  if (::mkdirat(to, entry, 0700) < 0) return errno_error("mkdir", name);
  const UniqueFd source(::openat(from, entry, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  const UniqueFd target(::openat(to, entry, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!source.valid() || !target.valid()) return errno_error("open", name);
  if (status.st_dev == copy.device) GANTRY_TRY(copy_directory(copy, source.get(), target.get(), name));
  return copy_attributes(source.get(), target.get(), status, name);
}

Result<void> copy_directory(Copy& copy, int from, int to, const std::string& name) {
  const int listing = ::openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const DirectoryStream directory(listing < 0 ? nullptr : ::fdopendir(listing));
  if (!directory) return errno_error("open", name);
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(directory.get());
    if (entry == nullptr) return errno == 0 ? Result<void>() : errno_error("readdir", name);
    const std::string child = entry->d_name;
    if (child != "." && child != "..") GANTRY_TRY(copy_entry(copy, from, to, entry->d_name, name + "/" + child));
  }
}

}  // namespace

Result<void> copy_tree(int from, int to, const std::string& name) {
  const UniqueFd source(::openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!source.valid()) return errno_error("open", name);
  struct stat status {};
  if (::fstat(source.get(), &status) < 0) return errno_error("fstat", name);
  Copy copy{to, name, status.st_dev, {}};
  return copy_directory(copy, source.get(), to, name);
}

Result<void> copy_whole_tree(int from, int to, const std::string& name) {
  GANTRY_TRY(copy_tree(from, to, name));
  struct stat status {};
  if (::fstat(from, &status) < 0) return errno_error("fstat", name);
  return copy_attributes(from, to, status, name);
}

Result<bool> is_empty_directory(int directory, const std::string& name) {
  const int listing = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const DirectoryStream open(listing < 0 ? nullptr : ::fdopendir(listing));
  if (!open) return errno_error("open", name);
  while (const dirent* entry = ::readdir(open.get())) {
    const std::string_view child = entry->d_name;
    if (child != "." && child != "..") return false;
  }
  return true;
}

}  // namespace gantry
