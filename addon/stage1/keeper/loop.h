// The one thread: descriptors and timers call back here, and nothing called may block. An object that ends itself in its
// own callback is handed to dispose(), which frees it when the callback has returned.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "linux/epoll.h"
#include "linux/result.h"

namespace gantry::keeper {

// What to watch for; `errors` also tells of a pipe whose reader is gone.
inline constexpr uint32_t nothing = 0, readable = EPOLLIN, writable = EPOLLOUT, errors = EPOLLERR, hung_up = EPOLLHUP,
                          file_changed = EPOLLPRI;  // of a cgroup

class Loop;

// A watched descriptor. Must end before the descriptor is closed: declare it behind the UniqueFd.
class Watch {
 public:
  Watch() = default;
  Watch(Watch&& other) noexcept { *this = std::move(other); }
  Watch& operator=(Watch&& other) noexcept;
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  ~Watch() { end(); }

  // `nothing` pauses entirely, so that a hung-up peer does not wake us for ever.
  void set(uint32_t events);
  void end();
  [[nodiscard]] bool active() const { return loop_ != nullptr; }

 private:
  friend class Loop;
  Watch(Loop* loop, int fd) : loop_(loop), fd_(fd) {}
  Loop* loop_ = nullptr;
  int fd_ = -1;
};

class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { cancel(); }

  // Once, `nanoseconds` from now; a running one is replaced.
  void start(Loop& loop, int64_t nanoseconds, std::function<void()> task);
  void cancel();
  [[nodiscard]] bool running() const { return loop_ != nullptr; }

 private:
  friend class Loop;
  Loop* loop_ = nullptr;
  std::pair<int64_t, uint64_t> key_;
};

class Loop {
 public:
  using Ready = std::function<void(uint32_t events)>;
  using Task = std::function<void()>;

  static Result<std::unique_ptr<Loop>> create();

  Result<Watch> watch(int fd, uint32_t events, Ready ready);
  // Runs when what is being handled now is done.
  void post(Task task) { posted_.push_back(std::move(task)); }
  template <typename T>
  void dispose(T owned) {
    post([held = std::make_shared<T>(std::move(owned))] {});
  }

  // For what lives on by itself until it is done: kept until release(), at the latest until the loop ends.
  void keep(std::shared_ptr<void> owned) { kept_[owned.get()] = std::move(owned); }
  void release(void* kept) {
    auto node = kept_.extract(kept);
    if (!node.empty()) dispose(std::move(node.mapped()));
  }

  Result<void> run();
  void stop() { stopped_ = true; }

 private:
  friend class Watch;
  friend class Timer;
  struct Entry {
    std::shared_ptr<Ready> ready;
    uint32_t generation = 0;
    uint32_t events = 0;
  };

  explicit Loop(Epoll epoll) : epoll_(std::move(epoll)) {}
  void dispatch(const epoll_event& event);
  void run_posted();
  void run_timers();
  [[nodiscard]] int next_timeout() const;

  Epoll epoll_;
  std::unordered_map<int, Entry> entries_;
  std::map<std::pair<int64_t, uint64_t>, std::pair<Timer*, Task>> timers_;
  std::vector<Task> posted_;
  std::unordered_map<void*, std::shared_ptr<void>> kept_;  // behind what it refers to, so that it ends first
  uint32_t generations_ = 0;
  uint64_t timer_serial_ = 0;
  bool stopped_ = false;
};

}  // namespace gantry::keeper
