#include "linux/root_dir.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vector>

namespace gantry {

namespace {

constexpr int most_links = 40;  // as the kernel's own limit

int open_in_root(int root, const std::string& path, int flags) {
  open_how how{};
  how.flags = static_cast<uint64_t>(flags) | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  for (int attempt = 0;; ++attempt) {
    const long fd = ::syscall(SYS_openat2, root, path.empty() ? "." : path.c_str(), &how, sizeof how);
    // EAGAIN: somebody renamed or mounted while ".." was being resolved.
    if (fd >= 0 || errno != EAGAIN || attempt == 128) return static_cast<int>(fd);
  }
}

// Names still to be walked, the next one last.
void push_names(std::vector<std::string>& names, const std::string& path) {
  std::vector<std::string> found;
  for (size_t begin = 0; begin < path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    if (end > begin && path.compare(begin, end - begin, ".") != 0) found.push_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  names.insert(names.end(), found.rbegin(), found.rend());
}

std::string parent_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

Result<std::string> link_target(int fd, const std::string& name) {
  char target[PATH_MAX];
  const ssize_t length = ::readlinkat(fd, "", target, sizeof target);
  if (length < 0) return errno_error("readlink", name);
  return std::string(target, static_cast<size_t>(length));
}

Result<void> make_entry(int root, const std::string& path, RootDir::Kind kind) {
  const UniqueFd parent(open_in_root(root, parent_of(path), O_PATH | O_DIRECTORY));
  if (!parent.valid()) return errno_error("open", "/" + parent_of(path));
  const std::string name = path.substr(path.rfind('/') == std::string::npos ? 0 : path.rfind('/') + 1);
  if (kind == RootDir::Kind::directory) {
    if (::mkdirat(parent.get(), name.c_str(), 0755) < 0 && errno != EEXIST) return errno_error("mkdir", "/" + path);
    return {};
  }
  const UniqueFd file(::openat(parent.get(), name.c_str(), O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_WRONLY, 0644));
  if (!file.valid() && errno != EEXIST) return errno_error("open", "/" + path);
  return {};
}

// The usual case of one that is missing: all but its last name is there. Nothing where more is missing, or a link leads on.
UniqueFd make_last(int root, const std::string& path, RootDir::Kind kind) {
  const std::string name = path.substr(path.rfind('/') == std::string::npos ? 0 : path.rfind('/') + 1);
  if (name.empty() || name == "." || name == ".." || !make_entry(root, path, kind)) return {};
  UniqueFd entry(open_in_root(root, path, O_PATH | O_NOFOLLOW));
  struct stat status {};
  if (!entry.valid() || ::fstat(entry.get(), &status) < 0 || S_ISLNK(status.st_mode)) return {};
  return entry;
}

}  // namespace

Result<UniqueFd> RootDir::open(const std::string& path, int flags) const {
  UniqueFd fd(open_in_root(root_.get(), path, flags));
  if (!fd.valid()) return errno_error("open", path);
  return fd;
}

Result<UniqueFd> RootDir::ensure(const std::string& path, Kind kind) const {
  UniqueFd existing(open_in_root(root_.get(), path, O_PATH));
  if (existing.valid()) return existing;
  if (errno != ENOENT) return errno_error("open", path);
  if (UniqueFd made = make_last(root_.get(), path, kind); made.valid()) return made;

  std::vector<std::string> names;
  push_names(names, path);
  std::string walked;  // relative to the root, free of symbolic links
  for (int links = 0; !names.empty();) {
    const std::string name = std::move(names.back());
    names.pop_back();
    if (name == "..") {
      walked = parent_of(walked);
      continue;
    }
    const std::string next = walked.empty() ? name : walked + "/" + name;
    UniqueFd entry(open_in_root(root_.get(), next, O_PATH | O_NOFOLLOW));
    if (!entry.valid() && errno == ENOENT) {
      GANTRY_TRY(make_entry(root_.get(), next, names.empty() ? kind : Kind::directory));
      entry = UniqueFd(open_in_root(root_.get(), next, O_PATH | O_NOFOLLOW));
    }
    if (!entry.valid()) return errno_error("open", "/" + next);
    struct stat status {};
    if (::fstat(entry.get(), &status) < 0) return errno_error("fstat", "/" + next);
    if (!S_ISLNK(status.st_mode)) {
      walked = next;
      continue;
    }
    if (++links > most_links) return Error{ELOOP, "open", path, ""};
    auto target = link_target(entry.get(), next);
    if (!target) return target.error();
    if (target->starts_with('/')) walked.clear();
    push_names(names, *target);
  }
  return open(walked, O_PATH | O_NOFOLLOW);
}

Result<RootDir::Place> RootDir::place(const std::string& path) const {
  const std::string clean = clean_path(path);
  if (clean == "/") return Error{EINVAL, "open", path, "names the root itself"};
  const size_t slash = clean.rfind('/');
  auto directory = ensure(clean.substr(0, slash + 1), Kind::directory);
  if (!directory) return directory.error();
  return Place{std::move(*directory), clean.substr(slash + 1)};
}

Result<void> RootDir::symlink(const std::string& target, const std::string& path) const {
  auto where = place(path);
  if (!where) return where.error();
  if (::symlinkat(target.c_str(), where->directory.get(), where->name.c_str()) < 0 && errno != EEXIST) {
    return errno_error("symlink", path);
  }
  return {};
}

Result<void> RootDir::unlink(const std::string& path) const {
  auto where = place(path);
  if (!where) return where.error();
  if (::unlinkat(where->directory.get(), where->name.c_str(), 0) < 0 && errno != ENOENT)
    return errno_error("unlink", path);
  return {};
}

std::string clean_path(const std::string& path) {
  std::vector<std::string> names, kept;
  push_names(names, path);
  for (; !names.empty(); names.pop_back()) {
    if (names.back() != "..") {
      kept.push_back(std::move(names.back()));
    } else if (!kept.empty()) {
      kept.pop_back();
    }
  }
  std::string clean;
  for (const std::string& name : kept) clean += "/" + name;
  return clean.empty() ? "/" : clean;
}

Result<struct stat> status_of(int fd, const std::string& name) {
  struct stat status {};
  if (::fstat(fd, &status) < 0) return errno_error("fstat", name);
  return status;
}

}  // namespace gantry
