#include "linux/epoll.h"

#include <sys/signalfd.h>

#include <csignal>

namespace gantry {

namespace {

Result<void> control(int epoll, int operation, int fd, epoll_event event) {
  if (::epoll_ctl(epoll, operation, fd, &event) < 0) return errno_error("epoll_ctl", std::to_string(fd));
  return {};
}

epoll_event event_of(uint32_t events, uint64_t data) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = data;
  return event;
}

}  // namespace

Result<Epoll> Epoll::create() {
  UniqueFd fd(::epoll_create1(EPOLL_CLOEXEC));
  if (!fd.valid()) return errno_error("epoll_create1");
  return Epoll(std::move(fd));
}

Result<void> Epoll::add(int fd, uint32_t events, uint64_t data) {
  return control(fd_.get(), EPOLL_CTL_ADD, fd, event_of(events, data));
}

Result<void> Epoll::modify(int fd, uint32_t events, uint64_t data) {
  return control(fd_.get(), EPOLL_CTL_MOD, fd, event_of(events, data));
}

void Epoll::remove(int fd) { (void)control(fd_.get(), EPOLL_CTL_DEL, fd, {}); }

Result<size_t> Epoll::wait(std::span<epoll_event> events, int timeout) {
  const int count = ::epoll_wait(fd_.get(), events.data(), static_cast<int>(events.size()), timeout);
  if (count >= 0) return static_cast<size_t>(count);
  if (errno == EINTR) return size_t{0};
  return errno_error("epoll_wait");
}

Result<UniqueFd> signals_as_events(std::initializer_list<int> signals) {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : signals) ::sigaddset(&set, signal);
  if (::sigprocmask(SIG_BLOCK, &set, nullptr) < 0) return errno_error("sigprocmask");
  UniqueFd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd.valid()) return errno_error("signalfd");
  return fd;
}

Result<int> next_signal(int signal_fd) {
  signalfd_siginfo info{};
  const ssize_t got = ::read(signal_fd, &info, sizeof info);
  if (got != static_cast<ssize_t>(sizeof info)) return errno_error("read", "signalfd");
  return static_cast<int>(info.ssi_signo);
}

void ignore_signal(int signal) { ::signal(signal, SIG_IGN); }

}  // namespace gantry
