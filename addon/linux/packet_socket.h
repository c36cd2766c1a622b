// Whole messages between two processes of ours, each with at most one descriptor (SOCK_SEQPACKET, SCM_RIGHTS).
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "linux/result.h"
#include "linux/unique_fd.h"

namespace gantry {

// A longer message is cut.
inline constexpr size_t most_packet_bytes = 16 * 1024;

struct Packet {
  std::string bytes;
  UniqueFd fd;
};

// Connects to the stream socket at `path`. A peer that does not accept, or later does not read, is waited for five seconds
// (EAGAIN).
Result<UniqueFd> connect_stream(const std::string& path);

// Both ends blocking, close-on-exec.
Result<std::pair<UniqueFd, UniqueFd>> packet_socket_pair();
Result<void> send_packet(int socket, std::string_view bytes, int fd = -1);
// ENODATA once the peer has closed its end; EAGAIN when nothing is there and `socket` does not block (or `wait` is
// false).
Result<Packet> receive_packet(int socket, bool wait = true);
// Whether there is a packet, or the peer's end, within so many milliseconds.
bool wait_for_packet(int socket, int milliseconds);
// Whether the peer has closed its end.
bool peer_is_gone(int socket);

}  // namespace gantry
