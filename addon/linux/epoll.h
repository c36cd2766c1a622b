// epoll(7), the signals that become events there, and what a process that lives on events must set up once.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <initializer_list>
#include <span>

#include "linux/result.h"
#include "linux/unique_fd.h"

namespace gantry {

class Epoll {
 public:
  static Result<Epoll> create();

  // `data` comes back with the event. EPERM: a descriptor that is always ready (a regular file).
  Result<void> add(int fd, uint32_t events, uint64_t data);
  Result<void> modify(int fd, uint32_t events, uint64_t data);
  void remove(int fd);
  // At most events.size(); timeout in milliseconds, -1 forever. An interrupted wait is an empty one.
  Result<size_t> wait(std::span<epoll_event> events, int timeout);

 private:
  explicit Epoll(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

// Blocks the signals and returns a non-blocking descriptor that becomes readable for each.
Result<UniqueFd> signals_as_events(std::initializer_list<int> signals);
// The next signal that came in; EAGAIN when there is none.
Result<int> next_signal(int signal_fd);
void ignore_signal(int signal);

}  // namespace gantry
