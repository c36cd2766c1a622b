#include "linux/text_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "linux/unique_fd.h"

namespace gantry {

Result<std::string> read_text_file(const std::string& path) {
  constexpr off_t most_bytes = off_t{8} << 20;
  // Non-blocking: the file may be a FIFO that somebody put there.
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat status {};
  if (!file.valid() || ::fstat(file.get(), &status) < 0) return errno_error("open", path);
  if (!S_ISREG(status.st_mode)) return Error{EINVAL, "open", path, "is no regular file"};
  if (status.st_size > most_bytes) return Error{EFBIG, "open", path, ""};
  std::string text(static_cast<size_t>(status.st_size), '\0');
  const ssize_t length = ::pread(file.get(), text.data(), text.size(), 0);
  if (length < 0) return errno_error("read", path);
  text.resize(static_cast<size_t>(length));
  return text;
}

}  // namespace gantry
