#include "stage1/keeper/loop.h"

#include <algorithm>
#include <array>
#include <utility>

#include "linux/clock.h"

namespace gantry::keeper {

namespace {

uint64_t tag(int fd, uint32_t generation) { return uint64_t{generation} << 32 | static_cast<uint32_t>(fd); }

}  // namespace

Watch& Watch::operator=(Watch&& other) noexcept {
  end();
  loop_ = std::exchange(other.loop_, nullptr);
  fd_ = std::exchange(other.fd_, -1);
  return *this;
}

void Watch::set(uint32_t events) {
  if (loop_ == nullptr) return;
  Loop::Entry& entry = loop_->entries_[fd_];
  if (entry.events == events) return;
  if (events == 0) {
    loop_->epoll_.remove(fd_);
  } else if (entry.events == 0) {
    (void)loop_->epoll_.add(fd_, events, tag(fd_, entry.generation));
  } else {
    (void)loop_->epoll_.modify(fd_, events, tag(fd_, entry.generation));
  }
  entry.events = events;
}

void Watch::end() {
  if (loop_ == nullptr) return;
  set(0);
  loop_->entries_.erase(fd_);
  loop_ = nullptr;
}

void Timer::start(Loop& loop, int64_t nanoseconds, std::function<void()> task) {
  cancel();
  loop_ = &loop;
  key_ = {monotonic_now() + std::max<int64_t>(nanoseconds, 0), ++loop.timer_serial_};
  loop.timers_.emplace(key_, std::pair(this, std::move(task)));
}

void Timer::cancel() {
  if (loop_ == nullptr) return;
  loop_->timers_.erase(key_);
  loop_ = nullptr;
}

Result<std::unique_ptr<Loop>> Loop::create() {
  auto epoll = Epoll::create();
  if (!epoll) return epoll.error();
  return std::unique_ptr<Loop>(new Loop(std::move(*epoll)));
}

Result<Watch> Loop::watch(int fd, uint32_t events, Ready ready) {
  Entry entry{std::make_shared<Ready>(std::move(ready)), ++generations_, events};
  if (events != 0) GANTRY_TRY(epoll_.add(fd, events, tag(fd, entry.generation)));
  entries_[fd] = std::move(entry);
  return Watch(this, fd);
}

void Loop::dispatch(const epoll_event& event) {
  const auto found = entries_.find(static_cast<int>(event.data.u64 & 0xffffffff));
  // An earlier callback of this round may have ended the watch, and the number may belong to another by now.
  if (found == entries_.end() || found->second.generation != event.data.u64 >> 32) return;
  if (found->second.events == 0) return;
  const std::shared_ptr<Ready> ready = found->second.ready;
  (*ready)(event.events);
}

void Loop::run_posted() {
  while (!posted_.empty()) {
    const std::vector<Task> tasks = std::exchange(posted_, {});
    for (const Task& task : tasks) task();
  }
}

void Loop::run_timers() {
  const int64_t now = monotonic_now();
  while (!timers_.empty() && timers_.begin()->first.first <= now) {
    auto node = timers_.extract(timers_.begin());
    node.mapped().first->loop_ = nullptr;
    node.mapped().second();
    run_posted();
  }
}

int Loop::next_timeout() const {
  if (timers_.empty()) return -1;
  const int64_t left = timers_.begin()->first.first - monotonic_now();
  if (left <= 0) return 0;
  return static_cast<int>(std::min<int64_t>((left + nanoseconds_a_millisecond - 1) / nanoseconds_a_millisecond, 1 << 30));
}

Result<void> Loop::run() {
  std::array<epoll_event, 32> events;
  run_posted();
  while (!stopped_) {
    auto count = epoll_.wait(events, next_timeout());
    if (!count) return count.error();
    for (size_t at = 0; at < *count && !stopped_; ++at) {
      dispatch(events[at]);
      run_posted();
    }
    run_timers();
  }
  return {};
}

}  // namespace gantry::keeper
