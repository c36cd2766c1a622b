// One connection to a D-Bus bus, or to a service's own socket, served by a thread of its own.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "linux/bus_library.h"
#include "linux/bus_value.h"
#include "linux/unique_fd.h"

namespace gantry {

struct BusCall {
  std::string destination, path, interface, member;
  std::vector<BusValue> arguments;
  uint64_t timeout_us = 0;
};

struct BusReply {
  std::vector<BusValue> values;
  int code = 0;            // errno; 0: it went well
  std::string error_name;  // "org.freedesktop.systemd1.NoSuchUnit"; empty where the call did not get that far
  std::string error_message;
};

struct BusSignal {
  std::string path, interface, member;
  std::vector<BusValue> arguments;
};

class BusConnection {
 public:
  using Done = std::function<void(BusReply reply)>;
  // Both are called by the connection's thread; `on_closed` once, after every call was answered.
  struct Handlers {
    std::function<void(BusSignal signal)> on_signal;
    std::function<void(Error reason)> on_closed;
  };

  // Returns at once; what fails comes by `on_closed`. `is_bus`: somebody hands out names there (a message bus), unlike at
  // a service's private socket. EOPNOTSUPP where the library is missing.
  static Result<std::unique_ptr<BusConnection>> open(const std::string& address, bool is_bus, Handlers handlers);
  // Ends the thread; calls that are left are answered ECANCELED.
  ~BusConnection();
  BusConnection(const BusConnection&) = delete;
  BusConnection& operator=(const BusConnection&) = delete;

  // From any thread. `done` is called by the connection's, exactly once.
  void call(BusCall call, Done done);

 private:
  struct Waiting {
    BusCall call;
    Done done;
  };
  struct Pending {
    BusConnection* connection;
    Done done;
  };

  BusConnection(const BusLibrary& library, Handlers handlers) : library_(library), handlers_(std::move(handlers)) {}
  void run(const std::string& address, bool is_bus);
  Result<void> start(const std::string& address, bool is_bus);
  Result<void> serve();
  Result<void> wait();
  void send(Waiting waiting);
  Result<void> send_now(const BusCall& call, Done& done);
  void end(Error reason);
  std::deque<Waiting> take_waiting();

  static int on_message(sd_bus_message* message, void* data, sd_bus_error* error);
  static int on_reply(sd_bus_message* message, void* data, sd_bus_error* error);

  const BusLibrary& library_;
  Handlers handlers_;
  sd_bus* bus_ = nullptr;
  std::map<Pending*, std::unique_ptr<Pending>> pending_;
  std::mutex mutex_;  // of what follows
  std::deque<Waiting> waiting_;
  bool stopping_ = false, ended_ = false;
  UniqueFd wake_;
  std::thread thread_;
};

}  // namespace gantry
