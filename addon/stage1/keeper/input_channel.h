// The standard input of an app or an exec: what attached clients send goes to the process, no faster than it reads.
#pragma once

#include <list>
#include <string>
#include <string_view>

#include "linux/unique_fd.h"
#include "stage1/keeper/environment.h"

namespace gantry::keeper {

class InputChannel {
 public:
  // `ends_with_client`: the first client's end is the process's end-of-file (an exec, or stdinOnce).
  InputChannel(Environment& environment, bool ends_with_client)
      : environment_(environment), ends_with_client_(ends_with_client) {}
  InputChannel(const InputChannel&) = delete;
  InputChannel& operator=(const InputChannel&) = delete;
  ~InputChannel() { close(); }

  // The keeper's end of the pipe, or the terminal's master (which has no end-of-file of its own).
  Result<void> open(UniqueFd target);
  // `first`: bytes that came in with the request to attach.
  void attach(UniqueFd socket, std::string_view first);
  // What was taken already still goes out.
  void close_when_written();
  void close();
  [[nodiscard]] bool closed() const { return closed_; }

 private:
  struct Client {
    UniqueFd socket;
    Watch watch;
  };
  using ClientAt = std::list<Client>::iterator;

  void client_ready(ClientAt client, uint32_t events);
  void client_ended(ClientAt client);
  void write(std::string_view bytes);
  void target_ready(uint32_t events);
  void set_clients(uint32_t events);

  Environment& environment_;
  bool ends_with_client_;
  bool closing_ = false;
  bool closed_ = false;
  UniqueFd target_;
  Watch watch_;
  std::list<Client> clients_;
  std::string pending_;
};

}  // namespace gantry::keeper
