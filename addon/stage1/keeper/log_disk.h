// The way to a pod's log files for the keeper, which never waits for their disk (but for a few milliseconds).
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "stage1/keeper/log_process.h"
#include "stage1/keeper/loop.h"

namespace gantry::keeper {

class LogDisk {
 public:
  // `rest`: what was not written of the lines; of an open, what could not be opened.
  using Done = std::function<void(int code, std::string_view rest)>;

  explicit LogDisk(Loop& loop) : loop_(loop) {}
  LogDisk(const LogDisk&) = delete;
  LogDisk& operator=(const LogDisk&) = delete;

  uint64_t new_log() { return ++last_log_; }
  // The process is started when it is first needed. `anew`: also if it is open already, after a rotation; on an error the old
  // file stays.
  void open(uint64_t log, const std::string& path, bool anew, Done done);
  void close(uint64_t log);

  struct Room {
    char* data;
    size_t size;
    int index;
  };
  // Room for lines, to be handed to write(). None while the disk is behind with what it has.
  std::optional<Room> room();
  void write(uint64_t log, const std::string& path, const Room& room, size_t length, Done done);

  // Waits until everything has come back, or for so long; not at all while the disk is slow.
  void wait(int64_t nanoseconds);
  // The disk has not answered for so long that nobody is to wait for it.
  [[nodiscard]] bool is_late() const;
  // Memory that is not needed goes back to the kernel.
  void tidy();
  // The process ends; is gone, unless its disk does not let it go.
  void end() { stop(); }

 private:
  static constexpr int rooms = 2;

  struct Job {
    LogRequest request;
    int room = -1;
    int64_t since = 0;
    Done done;
  };

  bool start();
  void stop();
  void submit(Job job);
  void send_more();
  void receive();
  void finish_first(const LogOutcome& outcome);
  bool wait_readable(int64_t deadline);

  Loop& loop_;
  SharedBuffer lines_;
  std::optional<LogProcess> process_;
  Watch watch_;
  std::deque<Job> jobs_;  // in order
  size_t sent_ = 0;       // of them, the first ones
  bool is_slow_ = false;  // the last wait was in vain: no other until something comes
  bool taken_[rooms] = {};
  uint64_t last_log_ = 0;
};

}  // namespace gantry::keeper
