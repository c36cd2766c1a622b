#include "stage1/keeper/connection.h"

#include <cerrno>
#include <utility>

#include "linux/socket.h"

namespace gantry::keeper {

namespace {

constexpr size_t max_unread = 8 << 20;

size_t frame_size(const std::string& bytes) {
  size_t size = 0;
  for (size_t at = 0; at < 4; ++at) size = size << 8 | static_cast<unsigned char>(bytes[at]);
  return size;
}

}  // namespace

Result<std::unique_ptr<Connection>> Connection::open(Loop& loop, Owner& owner, UniqueFd socket, uint64_t id) {
  std::unique_ptr<Connection> connection(new Connection(loop, owner, std::move(socket), id));
  Connection* raw = connection.get();
  auto watch = loop.watch(raw->socket_.get(), readable, [raw](uint32_t events) { raw->ready(events); });
  if (!watch) return watch.error();
  raw->watch_ = std::move(*watch);
  return connection;
}

void Connection::ready(uint32_t events) {
  if ((events & writable) != 0) flush();
  if (socket_.valid() && (events & (readable | errors | hung_up)) != 0) receive();
}

void Connection::receive() {
  char bytes[8192];
  const Transfer got = read_some(socket_.get(), bytes, sizeof bytes);
  if (got.kind == Transfer::Kind::again) return;
  if (got.kind != Transfer::Kind::bytes) return lost();
  in_.append(bytes, got.count);
  take_frames();
}

// Frames are taken one by one: any of them may end the connection, and the first may end its being one of frames.
void Connection::take_frames() {
  while (socket_.valid() && in_.size() >= 4) {
    const size_t size = frame_size(in_);
    if (size > contract::max_frame) return lost();
    if (in_.size() - 4 < size) return;
    auto frame = contract::decode_frame(std::string_view(in_).substr(4, size));
    in_.erase(0, size + 4);
    if (!frame) return lost();
    if (frame->open_stream) return become_stream(std::move(*frame->open_stream));
    if (!frame->request) {
      // Its id, if it has one, is not to be found either.
      send(contract::encode_error(0, {ENOSYS, "frame", {}, "this stage1 does not know this kind of frame; it may be of an older release"}));
      if (first_frame_ && !subscribed) return lost();
      continue;
    }
    first_frame_ = false;
    owner_.request(*this, std::move(*frame->request));
  }
}

void Connection::become_stream(contract::OpenStream open) {
  if (!first_frame_) return lost();
  watch_.end();
  owner_.open_stream(std::move(open), std::move(socket_), std::move(in_));
  owner_.closed(*this);
}

void Connection::flush() {
  while (socket_.valid() && sent_ < out_.size()) {
    const Transfer put = write_some(socket_.get(), std::string_view(out_).substr(sent_));
    if (put.kind == Transfer::Kind::again) break;
    if (put.kind != Transfer::Kind::bytes) return lost();
    sent_ += put.count;
  }
  if (sent_ == out_.size()) {
    out_ = std::string();
    sent_ = 0;
    if (auto then = std::exchange(when_sent_, nullptr)) then();
  }
  watch_.set(out_.empty() ? readable : readable | writable);
}

void Connection::send(std::string frame) {
  if (!socket_.valid()) return;
  if (out_.size() - sent_ + frame.size() > max_unread) return lost();
  out_ += frame;
  flush();
}

void Connection::when_sent(std::function<void()> then) {
  if (out_.empty() || !socket_.valid()) return then();
  when_sent_ = std::move(then);
}

void Connection::lost() {
  if (!socket_.valid()) return;
  watch_.end();
  socket_.reset();
  if (auto then = std::exchange(when_sent_, nullptr)) then();
  owner_.closed(*this);
}

}  // namespace gantry::keeper
