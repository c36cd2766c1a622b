#include "linux/file_io.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

namespace gantry {

Result<std::size_t> read_some(int fd, std::span<std::uint8_t> buffer) {
  while (true) {
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno != EINTR) return errno_error("read");
  }
}

Result<std::size_t> pread_full(int fd, std::span<std::uint8_t> buffer, std::uint64_t offset) {
  std::size_t done = 0;
  while (done < buffer.size()) {
    const ssize_t count =
        ::pread(fd, buffer.data() + done, buffer.size() - done, static_cast<off_t>(offset + done));
    if (count == 0) break;
    if (count > 0) {
      done += static_cast<std::size_t>(count);
    } else if (errno != EINTR) {
      return errno_error("pread");
    }
  }
  return done;
}

Result<void> pwrite_all(int fd, std::span<const std::uint8_t> data, std::uint64_t offset) {
  while (!data.empty()) {
    const ssize_t count = ::pwrite(fd, data.data(), data.size(), static_cast<off_t>(offset));
    if (count >= 0) {
      data = data.subspan(static_cast<std::size_t>(count));
      offset += static_cast<std::uint64_t>(count);
    } else if (errno != EINTR) {
      return errno_error("pwrite");
    }
  }
  return {};
}

Result<void> write_all(int fd, std::span<const std::uint8_t> data) {
  while (!data.empty()) {
    const ssize_t count = ::write(fd, data.data(), data.size());
    if (count >= 0) {
      data = data.subspan(static_cast<std::size_t>(count));
    } else if (errno != EINTR) {
      return errno_error("write");
    }
  }
  return {};
}

Result<void> truncate_file(int fd, std::uint64_t size) {
  while (::ftruncate(fd, static_cast<off_t>(size)) != 0) {
    if (errno != EINTR) return errno_error("ftruncate");
  }
  return {};
}

Result<void> prepare_for_streaming(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) return errno_error("fcntl(F_GETFL)", "descriptor " + std::to_string(fd));
  if ((flags & O_NONBLOCK) != 0 && ::fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) != 0) {
    return errno_error("fcntl(F_SETFL)", "descriptor " + std::to_string(fd));
  }
  // Fewer wake-ups on both sides; refused for anything but pipes, and beyond /proc/sys/fs/pipe-max-size.
  constexpr int kPipeSize = 1024 * 1024;
  static_cast<void>(::fcntl(fd, F_SETPIPE_SZ, kPipeSize));
  return {};
}

Result<std::uint64_t> file_size(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return errno_error("fstat", "descriptor " + std::to_string(fd));
  if (!S_ISREG(status.st_mode)) {
    return Error{EINVAL, "fstat", "descriptor " + std::to_string(fd), "must be a regular file"};
  }
  return static_cast<std::uint64_t>(status.st_size);
}

Result<void> expect_empty_file(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return errno_error("fstat", "descriptor " + std::to_string(fd));
  if (!S_ISREG(status.st_mode) || status.st_size != 0) {
    return Error{EINVAL, "fstat", "descriptor " + std::to_string(fd), "must be an empty regular file"};
  }
  return {};
}

Result<void> expect_open(int fd) {
  if (::fcntl(fd, F_GETFD) < 0) return errno_error("fcntl(F_GETFD)", "descriptor " + std::to_string(fd));
  return {};
}

}  // namespace gantry
