// An app's log: the bytes of its streams in, whole lines of a file (or of the journal) out. Never fails the app, and
// holds it up only for as long as the disk is slow: what a full disk, or one that does not answer, does not take is counted,
// said once, and let go.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "linux/result.h"
#include "linux/unique_fd.h"
#include "stage1/contract/manifest.h"
#include "stage1/keeper/cri_log.h"
#include "stage1/keeper/environment.h"
#include "stage1/keeper/journal.h"

namespace gantry::keeper {

class LogWriter {
 public:
  // A sink that keeps nothing (`none`, `inherit`) has no writer: null. An error that is known only later is a warning.
  static Result<std::unique_ptr<LogWriter>> open(Environment& environment, const std::string& app_id,
                                                 const contract::LogSink& sink);
  ~LogWriter();

  void write(contract::StreamKind stream, std::string_view bytes);
  // The disk is behind: what is written now is kept in memory, so no more should come.
  [[nodiscard]] bool is_behind() const { return !held_[0].empty() || !held_[1].empty(); }
  // The stream has ended: what is left of a line goes out.
  void finish(contract::StreamKind stream);
  // `then` when everything is in the file, or the disk does not answer and it is lost.
  void settle(std::function<void()> then);
  // Opens the path anew after a rotation. On an error the old file stays in use.
  void reopen(std::function<void(Result<void>)> done);

 private:
  LogWriter(Environment& environment, std::string app_id, const contract::LogSink& sink)
      : environment_(environment), app_id_(std::move(app_id)), sink_(sink) {}

  size_t format(contract::StreamKind stream, std::string_view bytes);
  bool format_rest(contract::StreamKind stream);
  bool line(CriPrefix& prefix, bool partial, std::string_view first, std::string_view second);
  bool make_room();
  void flush();
  void catch_up();
  void opened(int code, std::string_view subject);
  void written(int code, std::string_view rest);
  LogDisk::Done when_done(std::function<void(int code, std::string_view rest)> then);
  void discard_held();
  void lost(std::string_view lines, int code);
  void recovered();

  Environment& environment_;
  std::string app_id_;
  contract::LogSink sink_;
  uint64_t log_ = 0;  // of a file
  std::optional<Error> open_error_;
  bool opening_ = false;
  std::shared_ptr<Journal> journal_;  // of that sink alone
  std::array<std::string, 2> unfinished_;  // by stream: bytes since the last newline
  std::array<std::string, 2> held_;        // … and what came while the disk was behind
  std::array<bool, 2> ended_{};
  std::optional<LogDisk::Room> room_;
  LineBuffer buffer_{nullptr, 0};
  Timer catch_up_;
  std::function<void()> settled_;
  int on_their_way_ = 0;  // writes
  uint64_t lost_lines_ = 0, lost_bytes_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // for answers that come after the end
};

}  // namespace gantry::keeper
