#include "stage1/keeper/journal.h"

#include <algorithm>
#include <utility>

#include "linux/socket.h"

namespace gantry::keeper {

namespace {

constexpr const char* journal_socket = "/run/systemd/journal/socket";
constexpr size_t most_waiting = 4 << 20;
constexpr int64_t first_pause = 1'000'000, longest_pause = 500'000'000;  // nanoseconds

// A member's value may hold newlines: then its length comes before it, 64 bits, little-endian (systemd.io, "Native Protocol").
void add_member(std::string& datagram, std::string_view name, std::string_view value) {
  datagram.append(name).push_back('\n');
  uint64_t size = value.size();
  for (int byte = 0; byte < 8; ++byte, size >>= 8) datagram.push_back(static_cast<char>(size & 0xff));
  datagram.append(value).push_back('\n');
}

}  // namespace

Result<std::shared_ptr<Journal>> Journal::open(Environment& environment, const std::string& app_id,
                                               const std::string& identifier) {
  std::shared_ptr<Journal> journal(new Journal(environment, app_id, identifier));
  auto fd = datagram_socket();
  if (!fd) return fd.error();
  journal->fd_ = std::move(*fd);
  return journal;
}

void Journal::send(contract::StreamKind stream, bool partial, std::string_view text) {
  std::string line = datagram(stream, partial, text);
  if (waiting_.empty() && put(line)) return;
  if (waiting_bytes_ + line.size() > most_waiting) return lost(text.size() + 1, EAGAIN);
  waiting_bytes_ += line.size();
  waiting_.push_back(std::move(line));
  if (!again_.running()) put_later();
}

std::string Journal::datagram(contract::StreamKind stream, bool partial, std::string_view text) const {
  std::string line;
  add_member(line, "MESSAGE", text);
  add_member(line, "SYSLOG_IDENTIFIER", identifier_);
  add_member(line, "GANTRY_APP", app_id_);
  add_member(line, "PRIORITY", stream == contract::StreamKind::error ? "3" : "6");
  if (partial) add_member(line, "CONTAINER_PARTIAL_MESSAGE", "true");
  return line;
}

bool Journal::put(const std::string& line) {
  const auto sent = send_datagram(fd_.get(), journal_socket, line);
  if (!sent.ok() && (sent.error().code == EAGAIN || sent.error().code == ENOBUFS)) return false;
  if (!sent.ok()) {
    lost(line.size(), sent.error().code);
  } else if (lost_lines_ > 0) {
    environment_.warn(app_id_, std::string(journal_socket) + " can be written again; lost " + std::to_string(lost_lines_) +
                                   " lines of output, " + std::to_string(lost_bytes_) + " bytes");
    lost_lines_ = lost_bytes_ = 0;
  }
  return true;
}

void Journal::put_waiting() {
  while (!waiting_.empty() && put(waiting_.front())) {
    waiting_bytes_ -= waiting_.front().size();
    waiting_.pop_front();
    pause_ = 0;
  }
  if (!waiting_.empty()) put_later();
}

// The task holds this object until nothing waits any more.
void Journal::put_later() {
  pause_ = std::clamp(pause_ * 2, first_pause, longest_pause);
  again_.start(environment_.loop, pause_, [self = shared_from_this()] { self->put_waiting(); });
}

void Journal::lost(size_t bytes, int code) {
  lost_bytes_ += bytes;
  if (++lost_lines_ > 1) return;
  environment_.warn(app_id_, Error{code, "write", journal_socket, "lines of output are lost until it works again"}.describe());
}

}  // namespace gantry::keeper
