// One connection on the control socket: frames in, frames out, until its first frame makes it a byte stream.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "linux/unique_fd.h"
#include "stage1/contract/frames.h"
#include "stage1/keeper/loop.h"

namespace gantry::keeper {

class Connection {
 public:
  struct Owner {
    virtual ~Owner() = default;
    virtual void request(Connection& from, contract::Request request) = 0;
    // The descriptor is the owner's now; `first`: what came behind the frame.
    virtual void open_stream(contract::OpenStream open, UniqueFd socket, std::string first) = 0;
    virtual void closed(Connection& connection) = 0;
  };

  static Result<std::unique_ptr<Connection>> open(Loop& loop, Owner& owner, UniqueFd socket, uint64_t id);

  void send(std::string frame);
  // Calls `then` when all that was sent is with the kernel, or the connection is lost.
  void when_sent(std::function<void()> then);

  [[nodiscard]] uint64_t id() const { return id_; }
  [[nodiscard]] bool unsent() const { return socket_.valid() && !out_.empty(); }
  bool subscribed = false;

 private:
  Connection(Loop& loop, Owner& owner, UniqueFd socket, uint64_t id)
      : loop_(loop), owner_(owner), socket_(std::move(socket)), id_(id) {}
  void ready(uint32_t events);
  void receive();
  void take_frames();
  void become_stream(contract::OpenStream open);
  void flush();
  void lost();

  Loop& loop_;
  Owner& owner_;
  UniqueFd socket_;
  Watch watch_;
  uint64_t id_;
  bool first_frame_ = true;
  std::string in_, out_;
  size_t sent_ = 0;
  std::function<void()> when_sent_;
};

}  // namespace gantry::keeper
