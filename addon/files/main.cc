// gantry-files: files of the host, for a server that must not wait for them. Requests come and answers go by the socket at
// descriptor 0, one after the other; whoever sent a request kills this process when the answer takes too long. It ends with its
// socket.
#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "files/answer.h"
#include "linux/file_io.h"
#include "linux/process_settings.h"

namespace {

using gantry::files::Fields;

constexpr int in_and_out = 0;
constexpr std::uint32_t most_bytes = 1 << 20;

// Exactly `size` bytes; false at the end.
bool receive(std::span<std::uint8_t> buffer) {
  while (!buffer.empty()) {
    auto got = gantry::read_some(in_and_out, buffer);
    if (!got || *got == 0) return false;
    buffer = buffer.subspan(*got);
  }
  return true;
}

bool receive_frame(std::string& body) {
  std::array<std::uint8_t, 4> head{};
  if (!receive(head)) return false;
  const std::uint32_t size = std::uint32_t{head[0]} << 24 | std::uint32_t{head[1]} << 16 | std::uint32_t{head[2]} << 8 | head[3];
  if (size > most_bytes) return false;
  body.assign(size, '\0');
  return receive({reinterpret_cast<std::uint8_t*>(body.data()), body.size()});
}

bool send(const Fields& answer) {
  const std::string frame = gantry::files::encode_frame(answer);
  return gantry::write_all(in_and_out, {reinterpret_cast<const std::uint8_t*>(frame.data()), frame.size()}).ok();
}

}  // namespace

int main() {
  // What is made for a missing host path is to have its whole mode.
  gantry::set_umask(0);
  std::string body;
  while (receive_frame(body)) {
    Fields request;
    if (!gantry::files::decode_fields(body, request)) return 1;
    if (!send(gantry::files::answer(request))) return 1;
  }
  return 0;
}
