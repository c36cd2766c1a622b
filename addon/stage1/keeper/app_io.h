// The standard input and outputs of one run of an app: pipes or a terminal on one side, log and attached clients on the
// other.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "stage1/executor/executor.h"
#include "stage1/keeper/environment.h"
#include "stage1/keeper/input_channel.h"
#include "stage1/keeper/log_writer.h"
#include "stage1/keeper/output_channel.h"

namespace gantry::keeper {

class AppIo {
 public:
  // `log` may be null; it outlives this.
  static Result<std::unique_ptr<AppIo>> open(Environment& environment, const contract::AppManifest& app, bool terminal,
                                             LogWriter* log);

  // For the child; close_child_ends() once it has them.
  [[nodiscard]] executor::StdioEnds child_ends() const;
  void close_child_ends();
  Result<void> set_console(UniqueFd master);

  // EINVAL for a stream that the app does not have. The socket is taken only on success.
  Result<void> check_attach(contract::StreamKind stream) const;
  void attach(contract::StreamKind stream, UniqueFd socket, std::string_view first);
  Result<void> resize(unsigned rows, unsigned columns);

  // The app has ended: `done` when all that it wrote is in the log.
  void drain(std::function<void()> done);

 private:
  AppIo(Environment& environment, const contract::AppManifest& app, bool terminal);
  Result<void> open_pipes(const contract::AppManifest& app);
  void drained();

  Environment& environment_;
  bool terminal_;
  bool inherits_;
  bool has_stdin_;
  UniqueFd child_in_, child_out_, child_err_;
  UniqueFd console_;  // of its own: size changes
  InputChannel in_;
  OutputChannel out_, err_;
  std::function<void()> done_;
  int draining_ = 0;
};

}  // namespace gantry::keeper
