// What opens and writes a pod's log files: a process of its own, because their disk may not answer. Requests and outcomes are
// packets, in one order; lines are in memory that both share.
#pragma once

#include <cstdint>
#include <string>

#include "linux/pidfd.h"
#include "linux/result.h"
#include "linux/shared_buffer.h"
#include "linux/unique_fd.h"

namespace gantry::keeper {

struct LogRequest {
  enum class Kind : uint8_t { open, open_anew, write, close };
  Kind kind = Kind::open;
  uint64_t log = 0;  // the keeper's number for the file
  size_t offset = 0, length = 0;  // of the lines in the shared memory
  std::string path;  // also of a write: the process may be new and have opened nothing
};

struct LogOutcome {
  size_t written = 0;  // bytes, whole lines
  int code = 0;        // errno; 0: all of it was done
  std::string subject;  // what could not be opened
};

class LogProcess {
 public:
  LogProcess() = default;
  LogProcess(LogProcess&&) noexcept = default;
  LogProcess& operator=(LogProcess&&) noexcept = default;
  ~LogProcess();

  static Result<LogProcess> start(const SharedBuffer& lines);
  [[nodiscard]] int socket() const { return socket_.get(); }
  [[nodiscard]] int pidfd() const { return pidfd_.get(); }
  Result<void> send(const LogRequest& request) const;
  // EAGAIN when there is none yet; ENODATA when the process is gone.
  [[nodiscard]] Result<LogOutcome> receive() const;

 private:
  UniqueFd socket_, pidfd_;
};

}  // namespace gantry::keeper
