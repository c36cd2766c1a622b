// An app's log: the bytes of its streams in, whole lines of a file (or of the journal) out. Never blocks the app and never
// fails it: what a full disk does not take is counted, said once, and let go.
#pragma once

#include <array>
#include <memory>
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
  // A sink that keeps nothing (`none`, `inherit`) has no writer: null.
  static Result<std::unique_ptr<LogWriter>> open(Environment& environment, const std::string& app_id,
                                                 const contract::LogSink& sink);

  void write(contract::StreamKind stream, std::string_view bytes);
  // The stream has ended: what is left of a line goes out.
  void finish(contract::StreamKind stream);
  // Opens the path anew after a rotation. On an error the old file stays in use.
  Result<void> reopen();

 private:
  LogWriter(Environment& environment, std::string app_id, const contract::LogSink& sink)
      : environment_(environment), app_id_(std::move(app_id)), sink_(sink) {}

  void line(CriPrefix& prefix, bool partial, std::string_view first, std::string_view second);
  void flush();
  void flush_file(std::string_view lines);
  // Cuts the file back to its last whole line, so that a half-written one never stands in it.
  size_t cut_torn_line(std::string_view lines, size_t written);
  void lost(std::string_view lines, int code);
  void recovered();

  Environment& environment_;
  std::string app_id_;
  contract::LogSink sink_;
  UniqueFd fd_;
  std::shared_ptr<Journal> journal_;  // of that sink alone
  std::array<std::string, 2> unfinished_;  // by stream: bytes since the last newline
  LineBuffer buffer_{nullptr, 0};
  uint64_t lost_lines_ = 0, lost_bytes_ = 0;
};

}  // namespace gantry::keeper
