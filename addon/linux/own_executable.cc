#include "linux/own_executable.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

#include "linux/kernel_age.h"
#include "linux/mount.h"

namespace gantry {

namespace {

constexpr const char* own_file = "/proc/self/exe";
constexpr unsigned all_seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

bool cannot_be_written(int fd) {
  struct statvfs status {};
  const int seals = ::fcntl(fd, F_GET_SEALS);
  return (::fstatvfs(fd, &status) == 0 && (status.f_flag & ST_RDONLY) != 0) || seals == static_cast<int>(all_seals);
}

// The open file, which is at `path`, in a read-only mount of its directory: the process keeps its name.
Result<UniqueFd> in_read_only_mount(int file, const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return Error{EINVAL, "open", path, "is not an absolute path"};
  auto directory = clone_mount(AT_FDCWD, slash == 0 ? "/" : path.substr(0, slash), false);
  if (!directory) return directory;
  MountChange change;
  change.set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  GANTRY_TRY(change_mount(directory->get(), change, path));
  UniqueFd again(::openat(directory->get(), path.c_str() + slash + 1, O_PATH | O_CLOEXEC));
  struct stat one {
  }, other{};
  const bool same = again.valid() && ::fstat(file, &one) == 0 && ::fstat(again.get(), &other) == 0 &&
                    one.st_dev == other.st_dev && one.st_ino == other.st_ino;
  // Replaced on disk since it was started: then only a copy is this program.
  if (!same) return Error{ESTALE, "open", path, {}};
  return again;
}

Result<UniqueFd> sealed_copy(int file) {
  UniqueFd copy(::memfd_create("gantry-stage1", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  struct stat status {};
  if (!copy.valid() || ::fstat(file, &status) < 0) return errno_error("memfd_create", own_file);
  for (off_t done = 0; done < status.st_size;) {
    if (::sendfile(copy.get(), file, &done, static_cast<size_t>(status.st_size - done)) <= 0)
      return errno_error("sendfile", own_file);
  }
  if (::fchmod(copy.get(), 0500) < 0 || ::fcntl(copy.get(), F_ADD_SEALS, all_seals) < 0)
    return errno_error("fcntl", own_file);
  return copy;
}

}  // namespace

Result<void> run_from_read_only_mount(char* const argv[]) {
  const UniqueFd file(::open(own_file, O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return errno_error("open", own_file);
  if (cannot_be_written(file.get())) {
    // Execed by descriptor, older kernels call it by that one's number.
    const char* slash = std::strrchr(argv[0], '/');
    ::prctl(PR_SET_NAME, slash == nullptr ? argv[0] : slash + 1, 0, 0, 0);
    return {};
  }
  char path[PATH_MAX] = {};
  if (::readlink(own_file, path, sizeof path - 1) < 0) return errno_error("readlink", own_file);
  auto safe = in_read_only_mount(file.get(), path);
  if (!safe) safe = sealed_copy(file.get());
  if (!safe) return safe.error();
  ::syscall(SYS_execveat, safe->get(), "", argv, environ, AT_EMPTY_PATH);
  return errno_error("execveat", own_file);
}

Result<UniqueFd> executable_in_read_only_mount(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!file.valid()) return errno_error("open", path);
  return in_read_only_mount(file.get(), path);
}

}  // namespace gantry
