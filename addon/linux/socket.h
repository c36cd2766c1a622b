// Unix stream sockets and pipes, never blocking: bytes in, bytes out.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "linux/result.h"
#include "linux/unique_fd.h"

namespace gantry {

// Listens at `path` with mode 0600. A socket that is there already is replaced; ENAMETOOLONG beyond 107 bytes.
Result<UniqueFd> listen_unix(const std::string& path);
// EAGAIN when nobody waits. The connection does not block.
Result<UniqueFd> accept_connection(int listener);
// A connected pair of stream sockets, blocking, close-on-exec.
Result<std::pair<UniqueFd, UniqueFd>> socket_pair();

struct Pipe {
  UniqueFd read, write;
};
// Neither end blocks for the one who got it; `keeper_reads` says which end stays non-blocking here. The other blocks, as a
// program that inherits it expects.
Result<Pipe> make_pipe(bool keeper_reads);
// Asks for another capacity; whether it was granted.
bool set_pipe_capacity(int fd, int bytes);
// How many bytes can be read right now.
size_t bytes_ready(int fd);

Result<UniqueFd> duplicate(int fd);  // close-on-exec
Result<void> set_nonblocking(int fd);
Result<void> set_close_on_exec(int fd);

// What a non-blocking read or write did. `again`: nothing now; `end`: no more ever (end of file, EIO of a hung-up
// terminal, EPIPE); `failed`: errno is in `code`.
struct Transfer {
  enum class Kind { bytes, again, end, failed } kind = Kind::again;
  size_t count = 0;
  int code = 0;
};
Transfer read_some(int fd, char* buffer, size_t size);
Transfer write_some(int fd, std::string_view bytes);

// No more bytes will be written to this socket; the peer reads end-of-file.
void shutdown_write(int fd);
// A datagram to the socket at `path`; for the journal.
Result<void> send_datagram(int fd, const std::string& path, std::string_view bytes);
Result<UniqueFd> datagram_socket();

bool is_terminal(int fd);
// Terminal size of the master `fd`.
Result<void> set_terminal_size(int fd, unsigned rows, unsigned columns);

}  // namespace gantry
