#include "linux/program_file.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "linux/argument_list.h"

namespace gantry {

namespace {

std::string quoted(const std::string& name) { return "exec: \"" + name + "\": "; }

// 0 when `path` is a file that this process may execute, else an errno.
int check_executable(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) < 0) return errno;
  if (S_ISDIR(status.st_mode)) return EISDIR;
  return ::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) == 0 ? 0 : errno;
}

Error not_executable(int code, const std::string& name) {
  switch (code) {
    case EACCES:
      return {code, "execve", name, quoted(name) + "permission denied"};
    case EISDIR:
      return {code, "execve", name, quoted(name) + "is a directory"};
    default:
      return {code, "execve", name, quoted(name) + "stat " + name + ": no such file or directory"};
  }
}

}  // namespace

Result<std::string> find_program(const std::string& name, const std::string& search) {
  if (name.find('/') != std::string::npos) {
    const int code = check_executable(name);
    if (code == 0) return name;
    return not_executable(code, name);
  }
  bool forbidden = false;
  for (size_t begin = 0; !name.empty() && begin <= search.size();) {
    const size_t end = std::min(search.find(':', begin), search.size());
    const std::string directory = end == begin ? "." : search.substr(begin, end - begin);
    const std::string path = directory + "/" + name;
    const int code = check_executable(path);
    if (code == 0) return path;
    forbidden |= code == EACCES;
    begin = end + 1;
  }
  if (forbidden) return not_executable(EACCES, name);
  return Error{ENOENT, "execve", name, quoted(name) + "executable file not found in $PATH"};
}

Error exec_program(const std::string& path, const std::vector<std::string>& argv, const std::vector<std::string>& env) {
  ::execve(path.c_str(), ArgumentList(argv).get(), ArgumentList(env).get());
  const int code = errno;
  std::string message = "exec " + path + ": ";
  switch (code) {
    case ENOEXEC:
      message += "exec format error";
      break;
    case ENOENT:
      message += "no such file or directory (its interpreter is missing)";
      break;
    case EACCES:
      message += "permission denied";
      break;
    case E2BIG:
      message += "argument list too long";
      break;
    default:
      message.clear();
      break;
  }
  return Error{code, "execve", path, message};
}

Result<void> change_directory(const std::string& path) {
  if (::chdir(path.c_str()) < 0) return errno_error("chdir", path);
  return {};
}

Result<void> check_working_directory() {
  char path[PATH_MAX];
  // The system call itself: it says "(unreachable)" where the C library would search.
  const long length = ::syscall(SYS_getcwd, path, sizeof path);
  if (length < 0 && errno == ENOENT) return {};  // removed meanwhile; still inside
  if (length < 0) return errno_error("getcwd");
  if (path[0] == '/') return {};
  return Error{EXDEV, "getcwd", path, "the working directory is outside of the container's root"};
}

void give_stdio_to(unsigned uid) {
  for (int fd = 0; fd <= 2; ++fd) {
    struct stat status {};
    if (::fstat(fd, &status) < 0 || status.st_uid == uid) continue;
    if (S_ISCHR(status.st_mode) && status.st_rdev == ::makedev(1, 3)) continue;
    (void)!::fchown(fd, uid, static_cast<gid_t>(-1));
  }
}

}  // namespace gantry
