#include "stage1/keeper/log_process.h"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <map>
#include <string_view>

#include "linux/atomic_file.h"
#include "linux/clone_process.h"
#include "linux/own_memory.h"
#include "linux/own_title.h"
#include "linux/packet_socket.h"
#include "linux/socket.h"

namespace gantry::keeper {

namespace {

constexpr int rest_milliseconds = 300;

struct Answer {
  uint64_t written;
  int code;
};

struct Header {
  LogRequest::Kind kind;
  uint64_t log, offset, length;
};

// O_NONBLOCK: a fifo in the log's place must not hang the pod's other logs.
Result<UniqueFd> open_log(const std::string& path) {
  constexpr int flags = O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY;
  auto fd = open_file(path, flags, 0640);
  if (fd || fd.error().code != ENOENT) return fd;
  // Somebody has removed the pod's log directory.
  GANTRY_TRY(make_parents(path));
  return open_file(path, flags, 0640);
}

// Cuts the file back to its last whole line, so that a half-written one never stands in it.
size_t cut_torn_line(int fd, std::string_view lines, size_t written) {
  const size_t newline = lines.substr(0, written).rfind('\n');
  const size_t whole = newline == std::string_view::npos ? 0 : newline + 1;
  if (whole == written) return whole;
  // The descriptor's position is the end of our own last append, and nobody else appends.
  const off_t end = ::lseek(fd, 0, SEEK_CUR);
  const auto torn = static_cast<off_t>(written - whole);
  if (end >= torn) (void)!::ftruncate(fd, end - torn);
  return whole;
}

LogOutcome write_lines(int fd, std::string_view lines) {
  size_t written = 0;
  while (written < lines.size()) {
    const Transfer put = write_some(fd, lines.substr(written));
    if (put.kind != Transfer::Kind::bytes) {
      return {cut_torn_line(fd, lines, written), put.code == 0 ? EAGAIN : put.code, {}};
    }
    written += put.count;
  }
  return {written, 0, {}};
}

class Files {
 public:
  explicit Files(const char* lines) : lines_(lines) {}

  LogOutcome handle(const Header& header, const std::string& path) {
    if (header.kind == LogRequest::Kind::close) {
      open_.erase(header.log);
      return {};
    }
    auto found = open_.find(header.log);
    if (found == open_.end() || header.kind == LogRequest::Kind::open_anew) {
      auto fd = open_log(path);
      if (!fd) return {0, fd.error().code, fd.error().subject};
      found = open_.insert_or_assign(header.log, std::move(*fd)).first;
    }
    if (header.kind != LogRequest::Kind::write) return {};
    return write_lines(found->second.get(), {lines_ + header.offset, header.length});
  }

 private:
  const char* lines_;
  std::map<uint64_t, UniqueFd> open_;
};

[[noreturn]] void run(int socket, const char* lines) {
  const int keep[] = {0, 1, 2, socket};
  if (!close_all_except(keep)) exit_now(1);
  reset_signals();
  take_title("gantry-log");
  Files files(lines);
  for (;;) {
    if (!wait_for_packet(socket, rest_milliseconds)) give_back_own_memory();
    auto packet = receive_packet(socket);
    Header header{};
    // What was sent before the keeper's end is done first.
    if (!packet || packet->bytes.size() < sizeof header) exit_now(0);
    std::memcpy(&header, packet->bytes.data(), sizeof header);
    const LogOutcome outcome = files.handle(header, packet->bytes.substr(sizeof header));
    const Answer answer{outcome.written, outcome.code};
    std::string bytes(reinterpret_cast<const char*>(&answer), sizeof answer);
    (void)send_packet(socket, bytes + outcome.subject);
  }
}

}  // namespace

Result<LogProcess> LogProcess::start(const SharedBuffer& lines) {
  auto pair = packet_socket_pair();
  if (!pair) return pair.error();
  auto made = clone_process(0);
  if (!made) return made.error();
  if (made->pid == 0) run(pair->second.get(), lines.data());
  LogProcess process;
  process.socket_ = std::move(pair->first);
  process.pidfd_ = std::move(made->pidfd);
  return process;
}

LogProcess::~LogProcess() {
  if (!pidfd_.valid()) return;
  (void)pidfd_send_signal(pidfd_.get(), SIGKILL);
  // At once, unless its disk does not let it go: then whoever adopts it reaps it.
  if (wait_for_end(pidfd_.get(), 100)) (void)pidfd_reap(pidfd_.get());
}

Result<void> LogProcess::send(const LogRequest& request) const {
  const Header header{request.kind, request.log, request.offset, request.length};
  std::string packet(reinterpret_cast<const char*>(&header), sizeof header);
  packet += request.path;
  return send_packet(socket_.get(), packet);
}

Result<LogOutcome> LogProcess::receive() const {
  auto packet = receive_packet(socket_.get(), false);
  if (!packet) return packet.error();
  Answer answer{};
  if (packet->bytes.size() < sizeof answer) return Error{ENODATA, "receive", "log process", {}};
  std::memcpy(&answer, packet->bytes.data(), sizeof answer);
  return LogOutcome{answer.written, answer.code, packet->bytes.substr(sizeof answer)};
}

}  // namespace gantry::keeper
