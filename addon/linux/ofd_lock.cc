#include "linux/ofd_lock.h"

#include <fcntl.h>
#include <sys/stat.h>

namespace gantry {

namespace {

struct flock whole_file(short type = F_WRLCK) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;  // l_pid must be 0 for open-file-description locks
}

}  // namespace

Result<UniqueFd> take_ofd_lock(const std::string& path) {
  constexpr int flags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | flags, 0600));
  // A disk with errors: a lock for reading keeps those for writing away, and whoever asks sees it.
  const bool read_only = !fd.valid() && errno == EROFS;
  if (read_only) fd.reset(::open(path.c_str(), O_RDONLY | flags));
  if (!fd.valid()) return errno_error("open lock", path);
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return errno_error("stat lock", path);
  if (!S_ISREG(info.st_mode)) return Error{EINVAL, "take lock", path, "not a regular file"};
  struct flock lock = whole_file(read_only ? F_RDLCK : F_WRLCK);
  if (::fcntl(fd.get(), F_OFD_SETLK, &lock) != 0) {
    if (errno == EACCES) errno = EAGAIN;
    return errno_error("take lock", path);
  }
  return fd;
}

Result<bool> ofd_lock_held(const std::string& path) {
  // Asking needs no right to write, which nobody has on a file system that became read-only.
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd.valid()) {
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return errno_error("open lock", path);
  }
  struct flock lock = whole_file();
  if (::fcntl(fd.get(), F_OFD_GETLK, &lock) != 0) return errno_error("ask lock", path);
  return lock.l_type != F_UNLCK;
}

}  // namespace gantry
