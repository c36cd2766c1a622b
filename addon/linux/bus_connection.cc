#include "linux/bus_connection.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <ctime>
#include <system_error>
#include <utility>

#include "linux/bus_message.h"

namespace gantry {

namespace {

Result<void> checked(int result, const char* operation, const std::string& subject) {
  if (result < 0) return Error{-result, operation, subject, ""};
  return {};
}

uint64_t monotonic_us() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000 + static_cast<uint64_t>(now.tv_nsec) / 1'000;
}

std::string or_empty(const char* text) { return text == nullptr ? "" : text; }

BusReply failed(const Error& error) { return {{}, error.code, {}, error.describe()}; }

}  // namespace

Result<std::unique_ptr<BusConnection>> BusConnection::open(const std::string& address, bool is_bus, Handlers handlers) {
  auto library = bus_library();
  if (!library) return library.error();
  std::unique_ptr<BusConnection> connection(new BusConnection(**library, std::move(handlers)));
  connection->wake_ = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!connection->wake_.valid()) return errno_error("eventfd");
  // Signals are the main thread's.
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, &before);
  int failed = 0;
  try {
    connection->thread_ = std::thread([self = connection.get(), address, is_bus] { self->run(address, is_bus); });
  } catch (const std::system_error& error) {
    failed = error.code().value();
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (failed != 0) return Error{failed, "start thread", address, "no thread can be made: a limit of processes is reached"};
  return connection;
}

BusConnection::~BusConnection() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  (void)::eventfd_write(wake_.get(), 1);
  if (thread_.joinable()) thread_.join();
}

void BusConnection::call(BusCall call, Done done) {
  {
    const std::lock_guard lock(mutex_);
    if (!ended_) {
      waiting_.push_back({std::move(call), std::move(done)});
      (void)::eventfd_write(wake_.get(), 1);
      return;
    }
  }
  done(failed({ENOTCONN, "call", call.member, "the connection to D-Bus is closed"}));
}

void BusConnection::run(const std::string& address, bool is_bus) {
  auto served = start(address, is_bus);
  if (served.ok()) served = serve();
  end(served.ok() ? Error{ECANCELED, "use D-Bus", address, "the connection was closed here"} : std::move(served.error()));
}

Result<void> BusConnection::start(const std::string& address, bool is_bus) {
  GANTRY_TRY(checked(library_.create(&bus_), "use D-Bus", address));
  GANTRY_TRY(checked(library_.set_address(bus_, address.c_str()), "use D-Bus", address));
  GANTRY_TRY(checked(library_.set_bus_client(bus_, is_bus ? 1 : 0), "use D-Bus", address));
  GANTRY_TRY(checked(library_.add_filter(bus_, nullptr, on_message, this), "use D-Bus", address));
  return checked(library_.start(bus_), "connect to D-Bus", address);
}

// Until the connection ends (an error) or is to be closed.
Result<void> BusConnection::serve() {
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return {};
    }
    for (Waiting& waiting : take_waiting()) send(std::move(waiting));
    int processed = 0;
    while ((processed = library_.process(bus_, nullptr)) > 0) {
    }
    if (processed < 0) return Error{-processed, "use D-Bus", "", "the connection was closed by the other side"};
    GANTRY_TRY(wait());
  }
}

Result<void> BusConnection::wait() {
  const int fd = library_.get_fd(bus_), events = library_.get_events(bus_);
  if (fd < 0 || events < 0) return Error{fd < 0 ? -fd : -events, "use D-Bus", "", ""};
  uint64_t until = UINT64_MAX;
  GANTRY_TRY(checked(library_.get_timeout(bus_, &until), "use D-Bus", ""));
  timespec pause{};
  if (until != UINT64_MAX) {
    const uint64_t now = monotonic_us();
    const uint64_t left = until > now ? until - now : 0;
    pause.tv_sec = static_cast<time_t>(left / 1'000'000);
    pause.tv_nsec = static_cast<long>(left % 1'000'000 * 1'000);
  }
  std::array<pollfd, 2> fds{{{fd, static_cast<short>(events), 0}, {wake_.get(), POLLIN, 0}}};
  if (::ppoll(fds.data(), fds.size(), until == UINT64_MAX ? nullptr : &pause, nullptr) < 0 && errno != EINTR) {
    return errno_error("poll", "D-Bus");
  }
  eventfd_t ignored = 0;
  (void)::eventfd_read(wake_.get(), &ignored);
  return {};
}

std::deque<BusConnection::Waiting> BusConnection::take_waiting() {
  const std::lock_guard lock(mutex_);
  return std::exchange(waiting_, {});
}

void BusConnection::send(Waiting waiting) {
  auto sent = send_now(waiting.call, waiting.done);
  if (!sent.ok()) waiting.done(failed(sent.error()));
}

// `done` is taken over only when it returns well.
Result<void> BusConnection::send_now(const BusCall& call, Done& done) {
  const char* destination = call.destination.empty() ? nullptr : call.destination.c_str();
  sd_bus_message* raw = nullptr;
  GANTRY_TRY(checked(library_.new_method_call(bus_, &raw, destination, call.path.c_str(), call.interface.c_str(),
                                              call.member.c_str()),
                     "call", call.member));
  const std::unique_ptr<sd_bus_message, decltype(library_.unref)> message(raw, library_.unref);
  for (const BusValue& argument : call.arguments) GANTRY_TRY(append_to_message(library_, message.get(), argument));
  auto pending = std::make_unique<Pending>(Pending{this, std::move(done)});
  const int sent = library_.call_async(bus_, nullptr, message.get(), on_reply, pending.get(), call.timeout_us);
  if (sent < 0) {
    done = std::move(pending->done);
    return Error{-sent, "call", call.member, ""};
  }
  pending_.emplace(pending.get(), std::move(pending));
  return {};
}

// Whoever still waits is told; nobody is taken on after that.
void BusConnection::end(Error reason) {
  // Answers the pending calls by itself where the bus had begun; what it does not answer is answered below.
  if (bus_ != nullptr) library_.flush_close_unref(std::exchange(bus_, nullptr));
  std::deque<Waiting> left;
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    left = std::exchange(waiting_, {});
  }
  for (auto& [key, pending] : std::exchange(pending_, {})) pending->done(failed(reason));
  for (Waiting& waiting : left) waiting.done(failed(reason));
  handlers_.on_closed(std::move(reason));
}

int BusConnection::on_message(sd_bus_message* message, void* data, sd_bus_error*) {
  auto& self = *static_cast<BusConnection*>(data);
  uint8_t type = 0;
  if (self.library_.get_type(message, &type) < 0 || type != bus_signal) return 0;
  BusSignal signal{or_empty(self.library_.get_path(message)), or_empty(self.library_.get_interface(message)),
                   or_empty(self.library_.get_member(message)), {}};
  auto arguments = read_message(self.library_, message);
  if (arguments.ok()) signal.arguments = std::move(*arguments);
  self.handlers_.on_signal(std::move(signal));
  return 0;
}

int BusConnection::on_reply(sd_bus_message* message, void* data, sd_bus_error*) {
  auto* pending = static_cast<Pending*>(data);
  auto& self = *pending->connection;
  const auto found = self.pending_.find(pending);
  if (found == self.pending_.end()) return 1;
  const auto owned = std::move(found->second);
  self.pending_.erase(found);
  BusReply reply;
  if (const sd_bus_error* error = self.library_.get_error(message); error != nullptr) {
    reply.code = self.library_.get_errno(message);
    reply.error_name = or_empty(error->name);
    reply.error_message = or_empty(error->message);
  } else if (auto values = read_message(self.library_, message); values.ok()) {
    reply.values = std::move(*values);
  } else {
    reply = failed(values.error());
  }
  owned->done(std::move(reply));
  return 1;
}

}  // namespace gantry
