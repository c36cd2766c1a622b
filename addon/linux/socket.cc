#include "linux/socket.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

namespace gantry {

namespace {

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return Error{ENAMETOOLONG, "bind", path, "a unix socket's path has at most 107 bytes; use a shorter state directory"};
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

Transfer transfer_of(ssize_t count, bool zero_is_end) {
  if (count > 0) return {Transfer::Kind::bytes, static_cast<size_t>(count), 0};
  if (count == 0) return {zero_is_end ? Transfer::Kind::end : Transfer::Kind::again, 0, 0};
  if (errno == EAGAIN || errno == EWOULDBLOCK) return {};
  if (errno == EIO || errno == EPIPE || errno == ECONNRESET) return {Transfer::Kind::end, 0, errno};
  return {Transfer::Kind::failed, 0, errno};
}

}  // namespace

// Clients that connect while nobody accepts: without room for one more its connect(2) fails at once, with EAGAIN.
constexpr int most_waiting = 4096;

Result<UniqueFd> listen_unix(const std::string& path) {
  auto address = address_of(path);
  if (!address) return address.error();
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return errno_error("socket", path);
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode)) ::unlink(path.c_str());
  // The mode must be right from the first moment: bind(2) takes it from the descriptor's own inode.
  (void)::fchmod(fd.get(), 0600);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) < 0) {
    return errno_error("bind", path);
  }
  if (::chmod(path.c_str(), 0600) < 0) return errno_error("chmod", path);
  if (::listen(fd.get(), most_waiting) < 0) return errno_error("listen", path);
  return fd;
}

Result<UniqueFd> accept_connection(int listener) {
  UniqueFd fd(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd.valid()) return errno_error("accept4");
  return fd;
}

Result<std::pair<UniqueFd, UniqueFd>> socket_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) return errno_error("socketpair");
  return std::pair<UniqueFd, UniqueFd>(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

Result<Pipe> make_pipe(bool keeper_reads) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) return errno_error("pipe2");
  Pipe pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
  GANTRY_TRY(set_nonblocking(keeper_reads ? pipe.read.get() : pipe.write.get()));
  return pipe;
}

bool set_pipe_capacity(int fd, int bytes) { return ::fcntl(fd, F_SETPIPE_SZ, bytes) >= bytes; }

size_t bytes_ready(int fd) {
  int count = 0;
  return ::ioctl(fd, FIONREAD, &count) < 0 || count < 0 ? 0 : static_cast<size_t>(count);
}

Result<UniqueFd> duplicate(int fd) {
  UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
  if (!copy.valid()) return errno_error("fcntl(F_DUPFD_CLOEXEC)", std::to_string(fd));
  return copy;
}

Result<void> set_nonblocking(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) return errno_error("fcntl", std::to_string(fd));
  return {};
}

Result<void> set_close_on_exec(int fd) {
  if (::fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) return errno_error("fcntl(F_SETFD)", std::to_string(fd));
  return {};
}

Transfer read_some(int fd, char* buffer, size_t size) {
  ssize_t count;
  do count = ::read(fd, buffer, size);
  while (count < 0 && errno == EINTR);
  return transfer_of(count, true);
}

Transfer write_some(int fd, std::string_view bytes) {
  ssize_t count;
  do count = ::write(fd, bytes.data(), bytes.size());
  while (count < 0 && errno == EINTR);
  return transfer_of(count, false);
}

void shutdown_write(int fd) { ::shutdown(fd, SHUT_WR); }

Result<UniqueFd> datagram_socket() {
  UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return errno_error("socket");
  return fd;
}

Result<void> send_datagram(int fd, const std::string& path, std::string_view bytes) {
  auto address = address_of(path);
  if (!address) return address.error();
  const ssize_t sent = ::sendto(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL,
                                reinterpret_cast<const sockaddr*>(&*address), sizeof *address);
  if (sent < 0) return errno_error("sendto", path);
  return {};
}

bool is_terminal(int fd) { return ::isatty(fd) == 1; }

Result<void> set_terminal_size(int fd, unsigned rows, unsigned columns) {
  winsize size{};
  size.ws_row = static_cast<unsigned short>(rows);
  size.ws_col = static_cast<unsigned short>(columns);
  if (::ioctl(fd, TIOCSWINSZ, &size) < 0) return errno_error("ioctl(TIOCSWINSZ)");
  return {};
}

}  // namespace gantry
