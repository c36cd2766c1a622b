#include "linux/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

namespace gantry {

namespace {

Result<std::string> read_all(int fd, size_t limit, const std::string& subject) {
  std::string content;
  size_t used = 0;
  for (;;) {
    if (content.size() < used + 4096) content.resize(content.empty() ? 4096 : content.size() * 2);
    const ssize_t got = ::read(fd, content.data() + used, content.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno_error("read", subject);
    if (got == 0) break;
    used += static_cast<size_t>(got);
    if (used > limit) return Error{EFBIG, "read", subject, "more than " + std::to_string(limit) + " bytes"};
  }
  content.resize(used);
  return content;
}

}  // namespace

Result<UniqueFd> open_file(const std::string& path, int flags, mode_t mode) {
  UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC, mode));
  if (!fd.valid()) return errno_error("open", path);
  return fd;
}

Result<std::string> read_file(const std::string& path, size_t limit) {
  auto fd = open_file(path, O_RDONLY);
  if (!fd) return fd.error();
  return read_all(fd->get(), limit, path);
}

Result<std::string> read_file_at(int directory, const char* name, size_t limit) {
  const UniqueFd fd(::openat(directory, name, O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return errno_error("open", name);
  return read_all(fd.get(), limit, name);
}

Result<void> make_parents(const std::string& path) {
  for (size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    const std::string directory = path.substr(0, slash);
    if (::mkdir(directory.c_str(), 0755) < 0 && errno != EEXIST) return errno_error("mkdir", directory);
  }
  return {};
}

Result<void> write_at(int fd, std::string_view bytes, off_t offset, const std::string& subject) {
  while (!bytes.empty()) {
    const ssize_t put = ::pwrite(fd, bytes.data(), bytes.size(), offset);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return errno_error("write", subject);
    bytes.remove_prefix(static_cast<size_t>(put));
    offset += put;
  }
  return {};
}

Result<void> write_file_atomic(const std::string& path, std::string_view content, mode_t mode) {
  const std::string temporary = path + ".tmp-" + std::to_string(::getpid());
  auto fd = open_file(temporary, O_WRONLY | O_CREAT | O_TRUNC, mode);
  if (!fd) return fd.error();
  auto written = write_at(fd->get(), content, 0, temporary);
  if (written.ok() && ::rename(temporary.c_str(), path.c_str()) < 0) written = errno_error("rename", path);
  if (!written.ok()) ::unlink(temporary.c_str());
  return written;
}

}  // namespace gantry
