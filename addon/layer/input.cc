#include "layer/input.h"

#include <algorithm>

#include "linux/file_io.h"

namespace gantry::layer {
namespace {

constexpr std::size_t kReadSize = 256 * 1024;

}  // namespace

Input::Input(int fd, Compression compression) : fd_(fd), compression_(compression), raw_(kReadSize) {
  for (Piece& piece : ring_) piece.data.resize(kPieceSize);
  thread_ = std::thread([this] { run(); });
}

Input::~Input() { thread_.join(); }

void Input::wait_for_thread() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return running_; });
}

void Input::start() {
  std::lock_guard lock(mutex_);
  started_ = true;
  changed_.notify_all();
}

Result<Bytes> Input::next() {
  std::unique_lock lock(mutex_);
  if (holding_) {
    if (ring_[consumed_ % kPieces].last) return Bytes{};
    ++consumed_;
    changed_.notify_all();
  }
  changed_.wait(lock, [this] { return produced_ > consumed_; });
  holding_ = true;
  Piece& piece = ring_[consumed_ % kPieces];
  if (!piece.outcome) {
    failed_ = true;
    return std::move(piece.outcome.error());
  }
  return Bytes(piece.data.data(), piece.size);
}

void Input::run() {
  {
    std::unique_lock lock(mutex_);
    running_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return started_; });
  }
  bool last = false;
  while (!last) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return produced_ - consumed_ < kPieces; });
    Piece& piece = ring_[produced_ % kPieces];
    lock.unlock();

    piece.size = 0;
    auto more = fill(piece);
    last = !more.ok() || !*more;
    if (!more) piece.outcome = std::move(more.error());
    piece.last = last;
    if (last) compressed_digest_ = compressed_hash_.digest();

    lock.lock();
    ++produced_;
    changed_.notify_all();
  }
}

// One read's worth of compressed bytes into `pending_`, counted and hashed.
Result<void> Input::refill() {
  auto count = read_some(fd_, raw_);
  if (!count) return std::move(count.error());
  input_ended_ = *count == 0;
  pending_ = Bytes(raw_.data(), *count);
  compressed_size_ += *count;
  compressed_hash_.update(pending_);
  return {};
}

// Reads until the magic can be told, which a pipe may deliver in crumbs.
Result<void> Input::open_decoder() {
  std::size_t have = 0;
  while (have < kSniffLength && !input_ended_) {
    auto count = read_some(fd_, std::span(raw_).subspan(have));
    if (!count) return std::move(count.error());
    input_ended_ = *count == 0;
    have += *count;
  }
  pending_ = Bytes(raw_.data(), have);
  compressed_size_ = have;
  compressed_hash_.update(pending_);
  if (compression_ == Compression::automatic) {
    auto found = sniff(pending_);
    if (!found) return std::move(found.error());
    compression_ = *found;
  }
  if (compression_ == Compression::gzip) decoder_ = make_gzip_decoder();
  if (compression_ == Compression::zstd) decoder_ = make_zstd_decoder();
  return {};
}

// Returns whether more pieces follow.
Result<bool> Input::fill(Piece& piece) {
  if (compressed_size_ == 0 && !input_ended_) GANTRY_TRY(open_decoder());
  return decoder_ ? fill_decoded(piece) : fill_plain(piece);
}

Result<bool> Input::fill_plain(Piece& piece) {
  std::copy(pending_.begin(), pending_.end(), piece.data.begin());
  piece.size = pending_.size();
  pending_ = {};
  while (piece.size < kPieceSize && !input_ended_) {
    const auto room = std::span(piece.data).subspan(piece.size);
    auto count = read_some(fd_, room);
    if (!count) return std::move(count.error());
    input_ended_ = *count == 0;
    compressed_hash_.update(room.first(*count));
    compressed_size_ += *count;
    piece.size += *count;
  }
  return !input_ended_;
}

Result<bool> Input::fill_decoded(Piece& piece) {
  std::span<std::uint8_t> room(piece.data);
  while (true) {
    GANTRY_TRY(decoder_->decode(pending_, room));
    piece.size = kPieceSize - room.size();
    if (room.empty()) return true;
    if (input_ended_) break;
    GANTRY_TRY(refill());
  }
  GANTRY_TRY(decoder_->finish());
  return false;
}

}  // namespace gantry::layer
