#include "stage1/keeper/input_channel.h"

#include "linux/socket.h"

namespace gantry::keeper {

namespace {

constexpr size_t chunk = 64 << 10;
// Of what clients sent that are gone while the process does not read: about one socket's buffer.
constexpr size_t orphaned_bound = 256 << 10;

}  // namespace

Result<void> InputChannel::open(UniqueFd target) {
  target_ = std::move(target);
  // Errors alone: tells when the process has closed its end.
  auto watch = environment_.loop.watch(target_.get(), errors, [this](uint32_t events) { target_ready(events); });
  if (!watch) return watch.error();
  watch_ = std::move(*watch);
  write({});
  if (closing_) close_when_written();
  return {};
}

void InputChannel::attach(UniqueFd socket, std::string_view first) {
  if (closed_ || closing_) return;
  const ClientAt client = clients_.emplace(clients_.end());
  client->socket = std::move(socket);
  auto watch = environment_.loop.watch(client->socket.get(), errors,
                                       [this, client](uint32_t events) { client_ready(client, events); });
  if (!watch) {
    clients_.erase(client);
    return;
  }
  client->watch = std::move(*watch);
  write(first);
}

void InputChannel::client_ready(ClientAt client, uint32_t events) {
  if ((events & (errors | hung_up)) != 0 && pending_.size() >= orphaned_bound) return client_ended(client);
  char* buffer = environment_.input.data();
  if (buffer == nullptr) return;
  const Transfer got = read_some(client->socket.get(), buffer, chunk);
  if (got.kind == Transfer::Kind::again) return;
  if (got.kind != Transfer::Kind::bytes) return client_ended(client);
  if (got.count >= 4096) environment_.tidy_later();
  write({buffer, got.count});
}

void InputChannel::client_ended(ClientAt client) {
  clients_.erase(client);
  if (ends_with_client_) close_when_written();
}

// Also with nothing to write: brings the watches in line with what is pending.
void InputChannel::write(std::string_view bytes) {
  if (closed_) return;
  if (target_.valid() && pending_.empty() && !bytes.empty()) {
    const Transfer put = write_some(target_.get(), bytes);
    if (put.kind == Transfer::Kind::end || put.kind == Transfer::Kind::failed) return close();
    bytes.remove_prefix(put.count);
  }
  pending_.append(bytes);
  if (!target_.valid()) return;
  watch_.set(pending_.empty() ? errors : errors | writable);
  // One that goes away is noticed also while the process does not read.
  set_clients(pending_.empty() ? readable : errors);
}

void InputChannel::target_ready(uint32_t events) {
  if ((events & errors) != 0) return close();
  if ((events & writable) == 0) return;
  const std::string bytes = std::move(pending_);
  pending_ = std::string();
  write(bytes);
  if (closing_) close_when_written();
}

void InputChannel::set_clients(uint32_t events) {
  for (Client& client : clients_) client.watch.set(events);
}

void InputChannel::close_when_written() {
  closing_ = true;
  if (!target_.valid() || !pending_.empty()) return;
  // A terminal is one descriptor for both ways: there is no closing half of it.
  if (is_terminal(target_.get())) {
    clients_.clear();
  } else {
    close();
  }
}

void InputChannel::close() {
  closed_ = true;
  clients_.clear();
  watch_.end();
  target_.reset();
  pending_ = std::string();
}

}  // namespace gantry::keeper
