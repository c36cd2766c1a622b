// One output of an app or an exec (stdout, stderr, a terminal): the keeper's end of the pipe, and everything that its bytes
// go to. An app's is never held up by a reader; an exec's waits for its one reader, as a pipe would.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "linux/unique_fd.h"
#include "stage1/keeper/environment.h"
#include "stage1/keeper/log_writer.h"
#include "stage1/keeper/output_stream.h"

namespace gantry::keeper {

class OutputChannel {
 public:
  enum class Pace { never_waits, waits_for_readers };

  OutputChannel(Environment& environment, contract::StreamKind kind, Pace pace)
      : environment_(environment), kind_(kind), pace_(pace) {}
  OutputChannel(const OutputChannel&) = delete;
  OutputChannel& operator=(const OutputChannel&) = delete;
  ~OutputChannel();

  void log_to(LogWriter* log) { log_ = log; }
  Result<void> open(UniqueFd source);
  void attach(UniqueFd socket);

  // How to know the end once the process is gone.
  enum class Drain {
    to_end,       // every writer is dead: until end-of-file, at most 2 s more
    what_is_there  // a left-over child may hold the pipe: the bytes that are in it now
  };
  // `patience`: nanoseconds without progress after which a reader is cut off. `done` is called once.
  void drain(Drain how, int64_t patience, std::function<void()> done);
  // What is being drained need not be waited for any longer.
  void give_up();

 private:
  void ready();
  void deliver(std::string_view bytes);
  void hold_back();
  void pace(size_t count);
  [[nodiscard]] bool held_up() const;
  void readers_changed();
  void limit_drain();
  void wait_for_quiet();
  void source_ended();
  void finish_streams();
  void report_if_drained();

  Environment& environment_;
  contract::StreamKind kind_;
  Pace pace_;
  LogWriter* log_ = nullptr;
  UniqueFd source_;
  Watch watch_;
  Timer breath_, quiet_, held_back_;
  std::vector<std::shared_ptr<OutputStream>> streams_, flushing_;
  std::function<void()> done_;
  int64_t patience_ = 0;
  int64_t last_read_ = 0;
  size_t left_ = SIZE_MAX;  // bytes still to be read when draining what is there
  bool opened_ = false;
  bool draining_ = false;
  bool grown_ = false;
};

}  // namespace gantry::keeper
