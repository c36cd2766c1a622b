// One exec: waits for its streams, runs a process in the app, kills it in time, and says how it ended when its output is
// with the streams.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "stage1/keeper/app.h"
#include "stage1/keeper/child.h"
#include "stage1/keeper/input_channel.h"
#include "stage1/keeper/output_channel.h"
#include "stage1/keeper/repeat_until.h"
#include "stage1/keeper/services.h"

namespace gantry::keeper {

// A stream connection that has said what it is for.
struct OpenedStream {
  UniqueFd socket;
  std::string first;  // bytes that came behind its frame
};

class Exec : private Child::Listener {
 public:
  Exec(Services& services, contract::Request request, ReplyTo to);
  Exec(const Exec&) = delete;
  Exec& operator=(const Exec&) = delete;

  // Starts at once when no stream is to be waited for.
  void begin();
  [[nodiscard]] bool waits_for(contract::StreamKind stream) const { return awaited_.contains(stream); }
  void stream_arrived(contract::StreamKind stream, OpenedStream opened);

  Result<void> kill(int signal, bool all);
  Result<void> resize(unsigned rows, unsigned columns);
  // The app is ending: its cgroups are being killed, this exec's among them.
  void app_ending() { killed_ = true; }

  [[nodiscard]] const std::string& app_id() const { return request_.app_id; }

 private:
  enum class Stage { waiting, starting, running, ended };

  void child_console(UniqueFd console) override;
  void child_warning(const std::string& message) override { services_.warn(request_.app_id, message); }
  void child_prepared() override {}
  void child_running() override;
  void child_failed(Error error) override;
  void child_exited(ExitStatus status) override;

  Result<void> launch(App& app);
  Result<void> open_streams(bool terminal, executor::StdioEnds& ends);
  Result<void> open_output(contract::StreamKind stream, OutputChannel& channel, UniqueFd& child_end);
  [[nodiscard]] bool wants(contract::StreamKind stream) const;
  [[nodiscard]] bool given_up() const;
  void attach_streams();
  void fail(Error error);
  void timed_out();
  void kill_all();
  void begin_drain();
  void drained();
  void give_up();
  void settle();
  void report();
  [[nodiscard]] Error early_end() const;

  Services& services_;
  contract::Request request_;
  ReplyTo to_;
  Stage stage_ = Stage::waiting;
  std::map<contract::StreamKind, bool> awaited_;
  std::map<contract::StreamKind, OpenedStream> arrived_;  // until it begins
  std::unique_ptr<Child> child_;
  std::string slot_;
  bool terminal_ = false;
  UniqueFd console_, child_in_, child_out_, child_err_;
  InputChannel in_;
  OutputChannel out_, err_;
  std::optional<Error> failure_;
  Timer streams_timer_, timeout_, give_up_;
  RepeatUntil killing_;
  ExitStatus status_;
  int draining_ = 0;
  bool timed_out_ = false;
  bool killed_ = false;
  bool kill_running_ = false;
  bool given_up_ = false;  // its process does not die, and is waited for no longer
  bool reported_ = false;
};

}  // namespace gantry::keeper
