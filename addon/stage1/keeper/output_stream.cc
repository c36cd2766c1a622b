#include "stage1/keeper/output_stream.h"

#include <utility>

#include "linux/clock.h"
#include "linux/socket.h"
#include "stage1/deadlines.h"

namespace gantry::keeper {

namespace {

}  // namespace

OutputStream::OutputStream(Loop& loop, UniqueFd socket, size_t bound, std::function<void()> change)
    : loop_(loop), socket_(std::move(socket)), bound_(bound), change_(std::move(change)), patience_(deadlines::idle_client) {}

OutputStream::~OutputStream() { watch_.end(); }

std::shared_ptr<OutputStream> OutputStream::open(Loop& loop, UniqueFd socket, size_t bound,
                                                 std::function<void()> change) {
  std::shared_ptr<OutputStream> stream(new OutputStream(loop, std::move(socket), bound, std::move(change)));
  auto watch = loop.watch(stream->socket_.get(), readable, [raw = stream.get()](uint32_t events) { raw->ready(events); });
  if (watch.ok()) {
    stream->watch_ = std::move(*watch);
  } else {
    stream->socket_.reset();
  }
  return stream;
}

void OutputStream::write(std::string_view bytes) {
  if (gone() || finishing_) return;
  if (buffered() == 0) {
    const Transfer put = write_some(socket_.get(), bytes);
    if (put.kind == Transfer::Kind::end || put.kind == Transfer::Kind::failed) return cut_off();
    bytes.remove_prefix(put.count);
    if (bytes.empty()) return;
  }
  if (buffered() + bytes.size() > bound_) return cut_off();
  if (sent_ > 0) buffer_.erase(0, std::exchange(sent_, 0));
  if (buffer_.empty()) restart_patience();
  buffer_.append(bytes);
  update_watch();
}

void OutputStream::ready(uint32_t events) {
  const auto keep = shared_from_this();
  if ((events & readable) != 0) read_away();
  if (!gone() && (events & writable) != 0) send();
  if (!gone() && (events & (errors | hung_up)) != 0) cut_off();
}

// What the client sends on an output is nothing to us, but it must not fill the socket; its half-close is no good-bye.
void OutputStream::read_away() {
  char bytes[4096];
  const Transfer got = read_some(socket_.get(), bytes, sizeof bytes);
  if (got.kind == Transfer::Kind::failed || (got.kind == Transfer::Kind::end && got.code != 0)) return cut_off();
  if (got.kind != Transfer::Kind::end) return;
  peer_finished_ = true;
  if (half_closed_) return cut_off();
  update_watch();
}

void OutputStream::send() {
  const Transfer put = write_some(socket_.get(), std::string_view(buffer_).substr(sent_));
  if (put.kind == Transfer::Kind::end || put.kind == Transfer::Kind::failed) return cut_off();
  if (put.kind == Transfer::Kind::again) return;
  sent_ += put.count;
  restart_patience();
  if (buffered() == 0) {
    buffer_ = std::string();
    sent_ = 0;
    patience_timer_.cancel();
    if (finishing_) flushed_now();
  }
  update_watch();
  if (change_) change_();
}

void OutputStream::update_watch() {
  if (gone()) return;
  watch_.set((peer_finished_ ? errors : readable) | (buffered() > 0 ? writable : nothing));
}

void OutputStream::restart_patience() {
  patience_timer_.start(loop_, patience_, [this] {
    const auto keep = shared_from_this();
    cut_off();
  });
}

void OutputStream::finish(int64_t patience, std::function<void()> flushed) {
  if (gone()) return flushed();
  finishing_ = true;
  change_ = nullptr;
  loop_.keep(shared_from_this());
  flushed_ = std::move(flushed);
  patience_ = patience;
  if (buffered() == 0) return flushed_now();
  restart_patience();
}

void OutputStream::flushed_now() {
  shutdown_write(socket_.get());
  half_closed_ = true;
  patience_ = deadlines::linger;
  restart_patience();
  if (auto flushed = std::exchange(flushed_, nullptr)) flushed();
  if (peer_finished_) cut_off();
}

void OutputStream::abandon() {
  change_ = nullptr;
  flushed_ = nullptr;
}

void OutputStream::cut_off() {
  if (gone()) return;
  patience_timer_.cancel();
  watch_.end();
  socket_.reset();
  buffer_ = std::string();
  sent_ = 0;
  if (auto flushed = std::exchange(flushed_, nullptr)) flushed();
  if (change_) change_();
  if (finishing_) loop_.release(this);
}

}  // namespace gantry::keeper
