// One client that reads an output: a socket with a bounded buffer in front of it. A client that lets it overflow, or that
// takes nothing for long, is cut off; the app never waits for it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "linux/unique_fd.h"
#include "stage1/keeper/loop.h"

namespace gantry::keeper {

class OutputStream : public std::enable_shared_from_this<OutputStream> {
 public:
  // `bound`: most bytes that may wait. `change` is called when buffered() has fallen, and when the stream is gone.
  static std::shared_ptr<OutputStream> open(Loop& loop, UniqueFd socket, size_t bound, std::function<void()> change);
  ~OutputStream();

  void write(std::string_view bytes);
  [[nodiscard]] size_t buffered() const { return buffer_.size() - sent_; }
  [[nodiscard]] bool gone() const { return !socket_.valid(); }
  // No more will be written: sends what waits, half-closes, and lets the client close (or cuts it off after `patience`
  // nanoseconds without progress). Lives on by itself until then. `flushed` is called once, when the last byte went out
  // or the stream was lost.
  void finish(int64_t patience, std::function<void()> flushed);
  void cut_off();
  // Whoever asked for the callbacks is going away.
  void abandon();

 private:
  OutputStream(Loop& loop, UniqueFd socket, size_t bound, std::function<void()> change);
  void ready(uint32_t events);
  void send();
  void read_away();
  void update_watch();
  void restart_patience();
  void flushed_now();

  Loop& loop_;
  UniqueFd socket_;
  Watch watch_;
  Timer patience_timer_;
  size_t bound_;
  std::function<void()> change_;
  std::function<void()> flushed_;
  std::string buffer_;
  size_t sent_ = 0;
  int64_t patience_;
  bool finishing_ = false;
  bool half_closed_ = false;
  bool peer_finished_ = false;
};

}  // namespace gantry::keeper
