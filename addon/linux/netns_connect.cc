#include "linux/netns_connect.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>

#include "linux/own_thread.h"

namespace gantry {

namespace {

Result<void> finish_connecting(int fd, const std::string& subject, int patience_ms) {
  pollfd waiting{.fd = fd, .events = POLLOUT, .revents = 0};
  const int ready = ::poll(&waiting, 1, patience_ms);
  if (ready < 0) return errno_error("poll", subject);
  if (ready == 0) return {};  // somebody listens, or it would have been refused; whoever uses the socket waits
  int code = 0;
  socklen_t size = sizeof code;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size) != 0) return errno_error("getsockopt", subject);
  if (code != 0) return Error{code, "connect", subject, {}};
  return {};
}

Result<UniqueFd> connect_loopback(int family, uint16_t port, int patience_ms) {
  const std::string subject = (family == AF_INET ? "127.0.0.1:" : "[::1]:") + std::to_string(port);
  UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return errno_error("socket", subject);
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  v6.sin6_addr = in6addr_loopback;
  const void* address = family == AF_INET ? static_cast<const void*>(&v4) : &v6;
  const socklen_t size = family == AF_INET ? sizeof v4 : sizeof v6;
  if (::connect(fd.get(), static_cast<const sockaddr*>(address), size) == 0) return fd;
  if (errno != EINPROGRESS) return errno_error("connect", subject);
  GANTRY_TRY(finish_connecting(fd.get(), subject, patience_ms));
  return fd;
}

}  // namespace

Result<UniqueFd> connect_in_namespace(const std::string& path, uint16_t port, int patience_ms) {
  UniqueFd netns(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!netns.valid()) return errno_error("open", path);
  Result<UniqueFd> connected = Error{};
  // The namespace that the thread joins is never left again.
  GANTRY_TRY(run_in_own_thread([&]() -> Result<void> {
    if (::setns(netns.get(), CLONE_NEWNET) != 0) return errno_error("setns", path);
    connected = connect_loopback(AF_INET, port, patience_ms);
    if (connected.ok()) return {};
    if (Result<UniqueFd> v6 = connect_loopback(AF_INET6, port, patience_ms); v6.ok()) connected = std::move(v6);
    return {};
  }));
  return connected;
}

}  // namespace gantry
