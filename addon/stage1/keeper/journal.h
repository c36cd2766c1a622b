// The log sink `journald`: the journal's native protocol, a datagram for each line.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "linux/result.h"
#include "linux/unique_fd.h"
#include "stage1/contract/frames.h"
#include "stage1/keeper/environment.h"

namespace gantry::keeper {

// Lines that come faster than the journal reads wait here, 4 MiB of them at most; what is more is counted, said once, and let
// go. What waits is still sent when whoever wrote it has let go of this.
class Journal : public std::enable_shared_from_this<Journal> {
 public:
  static Result<std::shared_ptr<Journal>> open(Environment& environment, const std::string& app_id,
                                               const std::string& identifier);

  // `partial`: a piece of a line that goes on in the next one.
  void send(contract::StreamKind stream, bool partial, std::string_view text);

 private:
  Journal(Environment& environment, std::string app_id, std::string identifier)
      : environment_(environment), app_id_(std::move(app_id)), identifier_(std::move(identifier)) {}

  [[nodiscard]] std::string datagram(contract::StreamKind stream, bool partial, std::string_view text) const;
  // Whether nothing more is to be done for it: sent, or lost. Else the journal takes none now.
  bool put(const std::string& line);
  void put_waiting();
  void put_later();
  void lost(size_t bytes, int code);

  Environment& environment_;
  std::string app_id_, identifier_;
  UniqueFd fd_;
  std::deque<std::string> waiting_;
  size_t waiting_bytes_ = 0;
  int64_t pause_ = 0;  // nanoseconds
  Timer again_;
  uint64_t lost_lines_ = 0, lost_bytes_ = 0;
};

}  // namespace gantry::keeper
