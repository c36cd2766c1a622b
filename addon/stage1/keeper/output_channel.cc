#include "stage1/keeper/output_channel.h"

#include <algorithm>
#include <utility>

#include "linux/clock.h"
#include "linux/socket.h"
#include "stage1/deadlines.h"

namespace gantry::keeper {

namespace {

constexpr size_t attach_bound = 8 << 20;
constexpr size_t exec_high_water = 256 << 10;
constexpr size_t grown_pipe = 256 << 10;
constexpr int64_t breath = nanoseconds_a_millisecond;
constexpr int64_t log_pause = 5 * nanoseconds_a_millisecond;
constexpr int64_t terminal_quiet = 100 * nanoseconds_a_millisecond;

}  // namespace

OutputChannel::~OutputChannel() {
  for (const auto& stream : flushing_) stream->abandon();
  for (const auto& stream : streams_) {
    stream->abandon();
    stream->cut_off();
  }
}

Result<void> OutputChannel::open(UniqueFd source) {
  source_ = std::move(source);
  opened_ = true;
  auto watch = environment_.loop.watch(source_.get(), readable, [this](uint32_t) { ready(); });
  if (!watch) return watch.error();
  watch_ = std::move(*watch);
  return {};
}

void OutputChannel::attach(UniqueFd socket) {
  const size_t bound = pace_ == Pace::never_waits ? attach_bound : SIZE_MAX;
  streams_.push_back(OutputStream::open(environment_.loop, std::move(socket), bound, [this] { readers_changed(); }));
  if (opened_ && !source_.valid()) finish_streams();
}

void OutputChannel::ready() {
  if (log_ != nullptr && log_->is_behind()) return hold_back();
  char* buffer = environment_.input.data();
  if (buffer == nullptr) return;
  const Transfer got = read_some(source_.get(), buffer, std::min(environment_.input.size(), left_));
  if (got.kind == Transfer::Kind::again) return;
  if (got.kind != Transfer::Kind::bytes) return source_ended();
  deliver({buffer, got.count});
  if (draining_ && left_ != SIZE_MAX) {
    left_ -= got.count;
    if (left_ == 0) return source_ended();
  }
  if (quiet_.running()) wait_for_quiet();
  pace(got.count);
}

// The log's disk is slow: the app's pipe fills meanwhile, and nothing of it is lost.
void OutputChannel::hold_back() {
  watch_.set(nothing);
  held_back_.start(environment_.loop, log_pause, [this] { watch_.set(readable); });
}

void OutputChannel::deliver(std::string_view bytes) {
  if (log_ != nullptr) log_->write(kind_, bytes);
  for (const auto& stream : streams_) stream->write(bytes);
  std::erase_if(streams_, [](const auto& stream) { return stream->gone(); });
}

// A writer of many small pieces would wake us for each: after a small one that followed another at once, a millisecond's
// pause lets the pipe gather them. A writer that fills the pipe gets a larger one and no pause.
void OutputChannel::pace(size_t count) {
  if (count >= 4096) environment_.tidy_later();
  if (count >= 32768 && !grown_) {
    grown_ = true;
    (void)set_pipe_capacity(source_.get(), static_cast<int>(grown_pipe));
  }
  if (pace_ == Pace::waits_for_readers) return readers_changed();
  const int64_t now = monotonic_now();
  const bool busy = now - std::exchange(last_read_, now) < 2 * breath;
  if (!busy || count > 16384 || draining_) return;
  watch_.set(nothing);
  breath_.start(environment_.loop, breath, [this] { watch_.set(readable); });
}

bool OutputChannel::held_up() const {
  return pace_ == Pace::waits_for_readers &&
         std::ranges::any_of(streams_, [](const auto& stream) { return stream->buffered() > exec_high_water; });
}

void OutputChannel::readers_changed() {
  if (pace_ == Pace::waits_for_readers && source_.valid()) watch_.set(held_up() ? nothing : readable);
}

void OutputChannel::drain(Drain how, int64_t patience, std::function<void()> done) {
  draining_ = true;
  patience_ = patience;
  done_ = std::move(done);
  if (!source_.valid()) return finish_streams();
  breath_.cancel();
  watch_.set(held_up() ? nothing : readable);
  if (how == Drain::to_end) {
    limit_drain();
  } else if (is_terminal(source_.get())) {
    // The kernel hands a terminal's last bytes over a moment later, and FIONREAD does not tell.
    wait_for_quiet();
  } else {
    left_ = bytes_ready(source_.get());
    if (left_ == 0) source_ended();
  }
}

// Whoever else holds the pipe; but a slow log is no reason to leave its content.
void OutputChannel::limit_drain() {
  breath_.start(environment_.loop, deadlines::drain, [this] {
    log_ != nullptr && log_->is_behind() ? limit_drain() : source_ended();
  });
}

void OutputChannel::wait_for_quiet() {
  quiet_.start(environment_.loop, terminal_quiet, [this] { held_up() ? wait_for_quiet() : source_ended(); });
}

void OutputChannel::give_up() {
  if (!draining_ || !done_) return;
  for (const auto& stream : std::vector(streams_)) stream->cut_off();
  for (const auto& stream : std::vector(flushing_)) stream->cut_off();
  if (source_.valid()) source_ended();
}

// The readers learn of the end at once, also when the process closed its output long before it ends.
void OutputChannel::source_ended() {
  if (!source_.valid()) return;
  breath_.cancel();
  quiet_.cancel();
  held_back_.cancel();
  watch_.end();
  source_.reset();
  if (log_ != nullptr) log_->finish(kind_);
  finish_streams();
}

void OutputChannel::finish_streams() {
  const int64_t patience = draining_ ? patience_ : deadlines::idle_client;
  auto streams = std::exchange(streams_, {});
  flushing_.insert(flushing_.end(), streams.begin(), streams.end());
  for (const auto& stream : streams) {
    stream->finish(patience, [this, raw = stream.get()] {
      std::erase_if(flushing_, [raw](const auto& other) { return other.get() == raw; });
      report_if_drained();
    });
  }
  report_if_drained();
}

void OutputChannel::report_if_drained() {
  if (!draining_ || source_.valid() || !flushing_.empty()) return;
  if (auto done = std::exchange(done_, nullptr)) done();
}

}  // namespace gantry::keeper
