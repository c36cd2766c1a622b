#include "stage1/keeper/app_io.h"

#include <utility>

#include "linux/clock.h"
#include "linux/socket.h"
#include "stage1/deadlines.h"

namespace gantry::keeper {

namespace {

}  // namespace

AppIo::AppIo(Environment& environment, const contract::AppManifest& app, bool terminal)
    : environment_(environment),
      terminal_(terminal),
      inherits_(app.log.kind == contract::LogKind::inherit && !terminal),
      has_stdin_(app.stdin_open),
      in_(environment, app.stdin_once),
      out_(environment, contract::StreamKind::output, OutputChannel::Pace::never_waits),
      err_(environment, contract::StreamKind::error, OutputChannel::Pace::never_waits) {}

Result<std::unique_ptr<AppIo>> AppIo::open(Environment& environment, const contract::AppManifest& app, bool terminal,
                                           LogWriter* log) {
  std::unique_ptr<AppIo> io(new AppIo(environment, app, terminal));
  io->out_.log_to(log);
  io->err_.log_to(log);
  if (!io->terminal_ && !io->inherits_) GANTRY_TRY(io->open_pipes(app));
  return io;
}

Result<void> AppIo::open_pipes(const contract::AppManifest& app) {
  auto out = make_pipe(true);
  if (!out) return out.error();
  auto err = make_pipe(true);
  if (!err) return err.error();
  GANTRY_TRY(out_.open(std::move(out->read)));
  GANTRY_TRY(err_.open(std::move(err->read)));
  child_out_ = std::move(out->write);
  child_err_ = std::move(err->write);
  if (!app.stdin_open) return {};
  auto in = make_pipe(false);
  if (!in) return in.error();
  child_in_ = std::move(in->read);
  return in_.open(std::move(in->write));
}

executor::StdioEnds AppIo::child_ends() const {
  if (inherits_) return {has_stdin_ ? 0 : -1, 1, 2};
  return {child_in_.get(), child_out_.get(), child_err_.get()};
}

void AppIo::close_child_ends() {
  child_in_.reset();
  child_out_.reset();
  child_err_.reset();
}

Result<void> AppIo::set_console(UniqueFd master) {
  GANTRY_TRY(set_nonblocking(master.get()));
  auto for_size = duplicate(master.get());
  if (!for_size) return for_size.error();
  console_ = std::move(*for_size);
  if (has_stdin_) {
    auto for_input = duplicate(master.get());
    if (!for_input) return for_input.error();
    GANTRY_TRY(in_.open(std::move(*for_input)));
  }
  return out_.open(std::move(master));
}

Result<void> AppIo::check_attach(contract::StreamKind stream) const {
  const char* what = nullptr;
  if (inherits_) what = "the app has stage1's own stdio";
  if (stream == contract::StreamKind::unspecified) what = "the stream must be STDIN, STDOUT or STDERR";
  if (stream == contract::StreamKind::input && !has_stdin_) what = "the app was made without stdin";
  if (stream == contract::StreamKind::error && terminal_) what = "a terminal's output is all STDOUT";
  if (what != nullptr) return Error{EINVAL, "attach", "stream " + std::to_string(static_cast<int>(stream)), what};
  if (stream == contract::StreamKind::input && in_.closed()) {
    return Error{EPIPE, "attach", "STDIN", "the app's stdin has been closed"};
  }
  return {};
}

void AppIo::attach(contract::StreamKind stream, UniqueFd socket, std::string_view first) {
  if (stream == contract::StreamKind::input) return in_.attach(std::move(socket), first);
  (stream == contract::StreamKind::error ? err_ : out_).attach(std::move(socket));
}

Result<void> AppIo::resize(unsigned rows, unsigned columns) {
  if (!console_.valid()) return Error{ENOTTY, "resize", "terminal", "the process has no terminal"};
  return set_terminal_size(console_.get(), rows, columns);
}

void AppIo::drain(std::function<void()> done) {
  done_ = std::move(done);
  draining_ = 2;
  in_.close();
  console_.reset();
  close_child_ends();
  out_.drain(OutputChannel::Drain::to_end, deadlines::idle_client_at_end, [this] { drained(); });
  err_.drain(OutputChannel::Drain::to_end, deadlines::idle_client_at_end, [this] { drained(); });
}

void AppIo::drained() {
  if (--draining_ > 0) return;
  if (auto done = std::exchange(done_, nullptr)) done();
}

}  // namespace gantry::keeper
