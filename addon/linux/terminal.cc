#include "linux/terminal.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <termios.h>

namespace gantry {

Result<Terminal> open_terminal(UniqueFd ptmx) {
  constexpr long devpts_magic = 0x1cd1;
  struct stat status {};
  struct statfs file_system {};
  if (::fstat(ptmx.get(), &status) < 0 || ::fstatfs(ptmx.get(), &file_system) < 0)
    return errno_error("fstat", "/dev/pts/ptmx");
  if (!S_ISCHR(status.st_mode) || status.st_rdev != makedev(5, 2) || file_system.f_type != devpts_magic) {
    return Error{ENOTTY, "open", "/dev/pts/ptmx", "is not the multiplexer of a devpts file system"};
  }
  int locked = 0;
  if (::ioctl(ptmx.get(), TIOCSPTLCK, &locked) < 0) return errno_error("ioctl", "TIOCSPTLCK");
  // By descriptor: no path of the container is looked up for the other end.
  UniqueFd slave(::ioctl(ptmx.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!slave.valid()) return errno_error("ioctl", "TIOCGPTPEER");
  return Terminal{std::move(ptmx), std::move(slave)};
}

Result<void> set_terminal_size_of(int terminal, uint32_t rows, uint32_t columns) {
  winsize size{};
  size.ws_row = static_cast<unsigned short>(rows);
  size.ws_col = static_cast<unsigned short>(columns);
  if (::ioctl(terminal, TIOCSWINSZ, &size) < 0) return errno_error("ioctl", "TIOCSWINSZ");
  return {};
}

Result<void> take_terminal(int slave) {
  if (::ioctl(slave, TIOCSCTTY, 0) < 0) return errno_error("ioctl", "TIOCSCTTY");
  return {};
}

}  // namespace gantry
