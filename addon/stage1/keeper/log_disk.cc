#include "stage1/keeper/log_disk.h"

#include <algorithm>
#include <utility>

#include "linux/clock.h"
#include "linux/packet_socket.h"
#include "stage1/deadlines.h"

namespace gantry::keeper {

namespace {

constexpr size_t room_size = 256 << 10;
// What the socket surely holds: sending must not block.
constexpr size_t most_sent = 8;

}  // namespace

bool LogDisk::start() {
  if (process_) return true;
  if (lines_.data() == nullptr) {
    auto mapped = SharedBuffer::map(rooms * room_size);
    if (!mapped) return false;
    lines_ = std::move(*mapped);
  }
  lines_.share_with_children(true);
  auto started = LogProcess::start(lines_);
  lines_.share_with_children(false);
  if (!started) return false;
  process_.emplace(std::move(*started));
  auto watch = loop_.watch(process_->socket(), readable, [this](uint32_t) { receive(); });
  if (!watch) {
    process_.reset();
    return false;
  }
  watch_ = std::move(*watch);
  return true;
}

// What it had not done is answered as not done.
void LogDisk::stop() {
  watch_.end();
  process_.reset();
  sent_ = 0;
  for (size_t left = jobs_.size(); left > 0; --left) finish_first({0, EPIPE, {}});
}

void LogDisk::submit(Job job) {
  job.since = monotonic_now();
  jobs_.push_back(std::move(job));
  start() ? send_more() : stop();
}

void LogDisk::send_more() {
  while (sent_ < jobs_.size() && sent_ < most_sent) {
    if (!process_->send(jobs_[sent_].request)) return stop();
    ++sent_;
  }
}

void LogDisk::open(uint64_t log, const std::string& path, bool anew, Done done) {
  const auto kind = anew ? LogRequest::Kind::open_anew : LogRequest::Kind::open;
  submit({{kind, log, 0, 0, path}, -1, 0, std::move(done)});
}

void LogDisk::close(uint64_t log) {
  if (process_) submit({{LogRequest::Kind::close, log, 0, 0, {}}, -1, 0, nullptr});
}

std::optional<LogDisk::Room> LogDisk::room() {
  if (!start()) return std::nullopt;
  const auto find = [this] { return std::ranges::find(taken_, false) - taken_; };
  auto index = find();
  for (const int64_t deadline = monotonic_now() + deadlines::log_room; index == rooms;) {
    if (is_slow_ || !wait_readable(deadline)) return std::nullopt;
    receive();
    index = find();
  }
  if (index == rooms || !process_) return std::nullopt;
  taken_[index] = true;
  return Room{lines_.data() + static_cast<size_t>(index) * room_size, room_size, static_cast<int>(index)};
}

void LogDisk::write(uint64_t log, const std::string& path, const Room& room, size_t length, Done done) {
  const size_t offset = static_cast<size_t>(room.index) * room_size;
  submit({{LogRequest::Kind::write, log, offset, length, path}, room.index, 0, std::move(done)});
}

bool LogDisk::wait_readable(int64_t deadline) {
  const int64_t left = deadline - monotonic_now();
  if (left <= 0 || !process_) return false;
  is_slow_ = !wait_for_packet(process_->socket(), static_cast<int>(left / nanoseconds_a_millisecond) + 1);
  return !is_slow_;
}

void LogDisk::wait(int64_t nanoseconds) {
  const int64_t deadline = monotonic_now() + nanoseconds;
  while (!jobs_.empty() && !is_slow_ && wait_readable(deadline)) receive();
}

void LogDisk::receive() {
  while (process_) {
    auto outcome = process_->receive();
    if (outcome.ok()) {
      is_slow_ = false;
      if (sent_ > 0) --sent_;
      if (!jobs_.empty()) finish_first(*outcome);
      if (process_) send_more();
    } else if (outcome.error().code == EAGAIN) {
      return;
    } else {
      return stop();
    }
  }
}

void LogDisk::finish_first(const LogOutcome& outcome) {
  const Job job = std::move(jobs_.front());
  jobs_.pop_front();
  const size_t length = job.request.length;
  if (job.done) {
    const char* lines = lines_.data() + job.request.offset;
    const bool has_lines = job.request.kind == LogRequest::Kind::write;
    job.done(outcome.code, has_lines ? std::string_view(lines, length).substr(std::min(outcome.written, length))
                                     : std::string_view(outcome.subject));
  }
  if (job.room >= 0) taken_[job.room] = false;
}

bool LogDisk::is_late() const { return !jobs_.empty() && monotonic_now() - jobs_.front().since > deadlines::log_disk; }

void LogDisk::tidy() {
  if (jobs_.empty()) lines_.release();
}

}  // namespace gantry::keeper
