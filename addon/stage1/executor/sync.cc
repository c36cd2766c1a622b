#include "stage1/executor/sync.h"

#include <cstring>

#include "linux/clone_process.h"
#include "linux/packet_socket.h"

namespace gantry::executor {

namespace {

// So that three of them fit one packet; the end of a long text says more than its beginning.
constexpr size_t most_text_bytes = 4096;

void put_text(std::string& out, const std::string& text) {
  const std::string cut = text.size() > most_text_bytes ? "…" + text.substr(text.size() - most_text_bytes) : text;
  const auto length = static_cast<uint32_t>(cut.size());
  out.append(reinterpret_cast<const char*>(&length), sizeof length);
  out += cut;
}

std::string take_text(std::string_view& bytes) {
  uint32_t length = 0;
  if (bytes.size() < sizeof length) return {};
  std::memcpy(&length, bytes.data(), sizeof length);
  bytes.remove_prefix(sizeof length);
  std::string text(bytes.substr(0, length));
  bytes.remove_prefix(text.size());
  return text;
}

void report(int socket, ChildReport kind, std::string_view body, int fd = -1) {
  std::string packet(1, static_cast<char>(kind));
  packet += body;
  // A keeper that is gone is noticed by the next wait.
  (void)send_packet(socket, packet, fd);
}

}  // namespace

std::string encode_error(const Error& error) {
  std::string out(reinterpret_cast<const char*>(&error.code), sizeof error.code);
  put_text(out, error.operation);
  put_text(out, error.subject);
  put_text(out, error.message);
  return out;
}

Error decode_error(std::string_view bytes) {
  Error error;
  if (bytes.size() < sizeof error.code) return Error{EPROTO, "receive", {}, "a process of stage1 sent half a message"};
  std::memcpy(&error.code, bytes.data(), sizeof error.code);
  bytes.remove_prefix(sizeof error.code);
  error.operation = take_text(bytes);
  error.subject = take_text(bytes);
  error.message = take_text(bytes);
  return error;
}

void ChildSync::wait_for(ChildCommand expected) const {
  auto packet = receive_packet(socket_.get());
  if (!packet || packet->bytes[0] != static_cast<char>(expected)) exit_now(1);
}

void ChildSync::placed() const { report(socket_.get(), ChildReport::placed, {}); }
void ChildSync::prepared() const { report(socket_.get(), ChildReport::prepared, {}); }
void ChildSync::console(int master) const { report(socket_.get(), ChildReport::console, {}, master); }
void ChildSync::refused() const { report(socket_.get(), ChildReport::refused, {}); }
void ChildSync::warn(const std::string& text) const { report(socket_.get(), ChildReport::warning, text); }

void ChildSync::fail(const Error& error) const {
  report(socket_.get(), ChildReport::failed, encode_error(error));
  exit_now(1);
}

Result<void> command(const ChildProcess& child, ChildCommand what) {
  const char byte = static_cast<char>(what);
  return send_packet(child.sync.get(), std::string_view(&byte, 1));
}

Result<ChildMessage> receive(const ChildProcess& child) {
  auto packet = receive_packet(child.sync.get(), false);
  if (!packet) return packet.error();
  ChildMessage message{};
  message.report = static_cast<ChildReport>(packet->bytes[0]);
  const std::string_view body = std::string_view(packet->bytes).substr(1);
  if (message.report == ChildReport::failed) message.error = decode_error(body);
  if (message.report == ChildReport::warning) message.text = body;
  message.console = std::move(packet->fd);
  return message;
}

Result<void> wait_until_prepared(const ChildProcess& child) {
  for (;;) {
    auto packet = receive_packet(child.sync.get());
    if (!packet) return Error{ECHILD, "receive", std::to_string(child.pid), "the process died before it was ready"};
    const auto report = static_cast<ChildReport>(packet->bytes[0]);
    if (report == ChildReport::prepared) return {};
    if (report == ChildReport::failed) return decode_error(std::string_view(packet->bytes).substr(1));
  }
}

}  // namespace gantry::executor
