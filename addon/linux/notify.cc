#include "linux/notify.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstring>

#include "linux/unique_fd.h"

namespace gantry {

Result<void> send_notification(const std::string& socket, std::string_view lines) {
  sockaddr_un address{};
  if (socket.empty() || (socket[0] != '/' && socket[0] != '@') || socket.size() >= sizeof address.sun_path) {
    return Error{EINVAL, "notify", socket, "it is neither an absolute path nor an abstract socket's name"};
  }
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, socket.data(), socket.size());
  const bool abstract = socket[0] == '@';
  if (abstract) address.sun_path[0] = '\0';
  // A path ends with its NUL; an abstract name has exactly its length.
  const size_t size = offsetof(sockaddr_un, sun_path) + socket.size() + (abstract ? 0 : 1);
  const UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return errno_error("socket");
  if (::sendto(fd.get(), lines.data(), lines.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address),
               static_cast<socklen_t>(size)) < 0) {
    return errno_error("notify", socket);
  }
  return {};
}

}  // namespace gantry
