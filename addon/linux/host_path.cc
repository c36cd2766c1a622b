#include "linux/host_path.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>

#include "linux/atomic_file.h"
#include "linux/directory_names.h"
#include "linux/unique_fd.h"

namespace gantry {

namespace {

constexpr size_t most_text = 8 << 20;

bool says_absent(int code) { return code == ENOENT || code == ENOTDIR || code == ELOOP; }

SpecialFile described(const std::string& path, const struct stat& status) {
  const char type = S_ISCHR(status.st_mode) ? 'c' : S_ISBLK(status.st_mode) ? 'b' : S_ISFIFO(status.st_mode) ? 'p' : '\0';
  return {path, type, ::major(status.st_rdev), ::minor(status.st_rdev), status.st_mode & 07777, status.st_uid, status.st_gid};
}

constexpr std::array<std::string_view, 8> not_for_containers{"pts",     "shm",  "fd",          "mqueue",
                                                             "console", ".lxc", ".lxd-mounts", ".udev"};

Result<void> add_devices_below(const std::string& directory, std::vector<SpecialFile>& found) {
  const UniqueFd opened(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!opened.valid()) return says_absent(errno) ? Result<void>() : errno_error("open", directory);
  auto names = names_in(opened.get(), directory);
  if (!names) return says_absent(names.error().code) ? Result<void>() : names.error();
  for (const std::string& name : *names) {
    if (std::ranges::find(not_for_containers, name) != not_for_containers.end()) continue;
    const std::string path = directory + (directory == "/" ? "" : "/") + name;
    struct stat status {};
    if (::lstat(path.c_str(), &status) < 0) {
      if (says_absent(errno)) continue;
      return errno_error("stat", path);
    }
    if (S_ISDIR(status.st_mode)) {
      GANTRY_TRY(add_devices_below(path, found));
    } else if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) {
      found.push_back(described(path, status));
    }
  }
  return {};
}

// ENOENT, EACCES of a process that is going.
void count_descriptors(const std::string& pid, OpenFiles& files) {
  const std::string path = "/proc/" + pid + "/fd";
  const UniqueFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) return;
  auto names = names_in(directory.get(), path);
  if (!names) return;
  for (const std::string& name : *names) {
    char target[8];  // "socket:[…]", cut
    const ssize_t length = ::readlinkat(directory.get(), name.c_str(), target, sizeof target);
    if (length < 0) continue;
    ++files.descriptors;
    if (std::string_view(target, static_cast<size_t>(length)).starts_with("socket:")) ++files.sockets;
  }
}

}  // namespace

Result<std::optional<std::string>> real_path(const std::string& path) {
  const std::unique_ptr<char, decltype(&::free)> found(::realpath(path.c_str(), nullptr), &::free);
  if (found == nullptr) {
    if (says_absent(errno)) return std::optional<std::string>();
    return errno_error("look at", path);
  }
  struct statx status {};
  if (::statx(AT_FDCWD, found.get(), AT_SYMLINK_NOFOLLOW | AT_STATX_FORCE_SYNC, STATX_TYPE | STATX_MODE, &status) < 0) {
    if (says_absent(errno)) return std::optional<std::string>();
    return errno_error("look at", path);
  }
  return std::optional<std::string>(found.get());
}

Result<void> make_directories(const std::string& path, mode_t mode) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) return {};
  if (errno != ENOENT) return errno_error("make directory", path);
  const size_t slash = path.find_last_not_of('/') == std::string::npos ? std::string::npos
                                                                        : path.rfind('/', path.find_last_not_of('/'));
  if (slash != std::string::npos && slash > 0) GANTRY_TRY(make_directories(path.substr(0, slash), mode));
  if (::mkdir(path.c_str(), mode) == 0) return {};
  const int code = errno;
  // Somebody else was faster; a link to nowhere is there as well, and no directory.
  if (code == EEXIST && ::stat(path.c_str(), &status) == 0) return {};
  return Error{code, "make directory", path, {}};
}

Result<std::optional<SpecialFile>> special_file(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) < 0) {
    if (says_absent(errno)) return std::optional<SpecialFile>();
    return errno_error("look at", path);
  }
  SpecialFile found = described(path, status);
  return found.type == '\0' ? std::optional<SpecialFile>() : std::optional(std::move(found));
}

Result<std::optional<std::vector<SpecialFile>>> device_nodes(const std::string& path) {
  using Found = std::optional<std::vector<SpecialFile>>;
  struct stat status {};
  if (::stat(path.c_str(), &status) < 0) {
    if (says_absent(errno)) return Found();
    return errno_error("look at", path);
  }
  std::vector<SpecialFile> found;
  if (S_ISDIR(status.st_mode)) {
    GANTRY_TRY(add_devices_below(path, found));
  } else if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) {
    found.push_back(described(path, status));
  }
  return Found(std::move(found));
}

Result<OpenFiles> open_files(const std::string& directory) {
  OpenFiles files;
  auto text = read_file(directory + "/cgroup.procs", most_text);
  if (!text) return says_absent(text.error().code) || text.error().code == ENODEV ? Result<OpenFiles>(files) : text.error();
  for (size_t begin = 0; begin < text->size();) {
    const size_t end = std::min(text->find('\n', begin), text->size());
    const std::string pid = text->substr(begin, end - begin);
    begin = end + 1;
    if (pid.empty()) continue;
    if (files.processes++ == 0) {
      if (auto limits = read_file("/proc/" + pid + "/limits", most_text)) files.first_limits = std::move(*limits);
    }
    count_descriptors(pid, files);
  }
  return files;
}

}  // namespace gantry
