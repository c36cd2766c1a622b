#include "stage1/keeper/exec.h"

#include <algorithm>
#include <csignal>
#include <utility>

#include "linux/clock.h"
#include "linux/packet_socket.h"
#include "linux/socket.h"
#include "stage1/deadlines.h"

namespace gantry::keeper {

namespace {

using contract::StreamKind;


}  // namespace

Exec::Exec(Services& services, contract::Request request, ReplyTo to)
    : services_(services),
      request_(std::move(request)),
      to_(to),
      in_(services, true),
      out_(services, StreamKind::output, OutputChannel::Pace::waits_for_readers),
      err_(services, StreamKind::error, OutputChannel::Pace::waits_for_readers) {
  for (const StreamKind stream : request_.streams) awaited_[stream] = true;
}

bool Exec::wants(StreamKind stream) const {
  return std::ranges::find(request_.streams, stream) != request_.streams.end();
}

void Exec::begin() {
  if (!awaited_.empty()) {
    return streams_timer_.start(services_.loop, deadlines::connect_exec_streams, [this] {
      fail({ETIMEDOUT, "exec", request_.exec_id, "the streams that the request names were not opened within 10 seconds"});
    });
  }
  streams_timer_.cancel();
  if (given_up()) return fail({ECANCELED, "exec", request_.exec_id, "whoever asked for it has given it up"});
  attach_streams();
  App* app = services_.find_app(request_.app_id);
  if (app == nullptr || app->running_child() == nullptr) {
    return fail({ESRCH, "exec", request_.app_id, "the app does not run"});
  }
  stage_ = Stage::starting;
  auto launched = launch(*app);
  if (!launched) fail(std::move(launched.error()));
}

void Exec::stream_arrived(StreamKind stream, OpenedStream opened) {
  awaited_.erase(stream);
  arrived_.insert_or_assign(stream, std::move(opened));
  if (awaited_.empty()) begin();
}

// While stage1 did not run (it was stopped, or its machine was), the caller may have gone, and told somebody that the
// command failed.
bool Exec::given_up() const {
  if (request_.not_after > 0 && monotonic_now() > request_.not_after) return true;
  return !arrived_.empty() &&
         std::ranges::all_of(arrived_, [](const auto& entry) { return peer_is_gone(entry.second.socket.get()); });
}

void Exec::attach_streams() {
  for (auto& [stream, opened] : std::exchange(arrived_, {})) {
    if (stream == StreamKind::input) {
      in_.attach(std::move(opened.socket), opened.first);
    } else {
      (stream == StreamKind::error ? err_ : out_).attach(std::move(opened.socket));
    }
  }
}

Result<void> Exec::open_output(StreamKind stream, OutputChannel& channel, UniqueFd& child_end) {
  if (!wants(stream)) return {};
  auto pipe = make_pipe(true);
  if (!pipe) return pipe.error();
  child_end = std::move(pipe->write);
  return channel.open(std::move(pipe->read));
}

Result<void> Exec::open_streams(bool terminal, executor::StdioEnds& ends) {
  if (terminal) return {};
  GANTRY_TRY(open_output(StreamKind::output, out_, child_out_));
  GANTRY_TRY(open_output(StreamKind::error, err_, child_err_));
  if (wants(StreamKind::input)) {
    auto pipe = make_pipe(false);
    if (!pipe) return pipe.error();
    child_in_ = std::move(pipe->read);
    GANTRY_TRY(in_.open(std::move(pipe->write)));
  }
  ends = {child_in_.get(), child_out_.get(), child_err_.get()};
  return {};
}

Result<void> Exec::launch(App& app) {
  auto process = contract::parse_oci_process(request_.json);
  if (!process) return process.error();
  request_.json = std::string();
  terminal_ = process->terminal;
  executor::StdioEnds ends;
  GANTRY_TRY(open_streams(terminal_, ends));
  if (app.cgroup() != nullptr) {
    auto slot = app.cgroup()->take_exec_slot();
    if (!slot) return slot.error();
    slot_ = std::move(*slot);
  }
  Child& first = *app.running_child();
  auto entry = app.cgroup() == nullptr ? Result<CgroupEntry>(CgroupEntry()) : app.cgroup()->exec_entry(slot_);
  if (!entry) return entry.error();
  auto cloned =
      executor::clone_exec(services_.sandbox, {first.pidfd(), first.pid(), *process, app.seccomp(), ends, &*entry});
  if (!cloned) return cloned.error();
  const bool in_unified_cgroup = cloned->in_unified_cgroup;
  for (UniqueFd* end : {&child_in_, &child_out_, &child_err_}) end->reset();
  auto child = Child::adopt(services_.loop, std::move(*cloned), *this);
  if (!child) return child.error();
  child_ = std::move(*child);
  if (!process->oom_score_adj) (void)write_oom_score_adj(child_->pid(), services_.initial_oom_score_adj);
  if (app.cgroup() != nullptr && !in_unified_cgroup) GANTRY_TRY(app.cgroup()->place_unified(child_->pid(), slot_));
  if (request_.timeout > 0) timeout_.start(services_.loop, request_.timeout, [this] { timed_out(); });
  // Nobody waits between the two: what fails in between is told all the same.
  GANTRY_TRY(child_->proceed());
  return child_->start();
}

void Exec::child_console(UniqueFd console) {
  auto set = set_nonblocking(console.get());
  auto for_size = duplicate(console.get());
  auto for_input = duplicate(console.get());
  if (!set || !for_size || !for_input) return services_.warn(request_.app_id, "the exec's terminal cannot be used");
  console_ = std::move(*for_size);
  if (wants(StreamKind::input)) (void)in_.open(std::move(*for_input));
  (void)out_.open(std::move(console));
}

void Exec::child_running() {
  if (stage_ != Stage::starting) return;
  stage_ = Stage::running;
  services_.reply(to_, contract::encode_exec_started(to_.request, child_->pid()));
}

void Exec::child_failed(Error error) {
  if (!failure_) failure_ = std::move(error);
}

// Before the process runs: answered when it is gone.
void Exec::fail(Error error) {
  if (!failure_) failure_ = std::move(error);
  stage_ = Stage::starting;
  if (child_ != nullptr) {
    (void)child_->signal(SIGKILL);
    return;
  }
  settle();
}

void Exec::child_exited(ExitStatus status) {
  const bool ran = stage_ == Stage::running;
  services_.loop.dispose(std::move(child_));
  timeout_.cancel();
  if (given_up_) return settle();
  status_ = status;
  if (!ran) return settle();
  stage_ = Stage::ended;
  begin_drain();
}

void Exec::begin_drain() {
  draining_ = 2;
  in_.close();
  console_.reset();
  // Whoever was killed is reported in time, also when its reader sleeps.
  const int64_t patience = killed_ ? deadlines::idle_client_of_killed : deadlines::idle_exec_client;
  if (killed_) {
    give_up_.start(services_.loop, patience, [this] {
      out_.give_up();
      err_.give_up();
    });
  }
  out_.drain(OutputChannel::Drain::what_is_there, patience, [this] { drained(); });
  err_.drain(OutputChannel::Drain::what_is_there, patience, [this] { drained(); });
}

void Exec::drained() {
  --draining_;
  settle();
}

void Exec::timed_out() {
  timed_out_ = true;
  kill_all();
}

void Exec::kill_all() {
  killed_ = true;
  if (kill_running_) return;
  kill_running_ = true;
  const auto attempt = [this] {
    App* app = services_.find_app(request_.app_id);
    ContainerCgroup* cgroup = app == nullptr ? nullptr : app->cgroup();
    if (child_ != nullptr) (void)child_->signal(SIGKILL);
    if (cgroup == nullptr || !cgroup->exec_populated(slot_)) return child_ == nullptr;
    cgroup->kill_exec(slot_);
    return false;
  };
  killing_.start(services_.loop, 10 * nanoseconds_a_second, attempt, [this](bool gone) {
    if (!gone) services_.warn(request_.app_id, "processes of exec " + request_.exec_id + " cannot be killed");
    kill_running_ = false;
    if (child_ != nullptr) give_up();
    settle();
  });
}

// Frozen, or in uninterruptible sleep: whoever waits is told that it was killed, and its end is waited for in silence.
void Exec::give_up() {
  given_up_ = true;
  status_ = {128 + SIGKILL, SIGKILL};
  if (stage_ != Stage::running) return;
  stage_ = Stage::ended;
  begin_drain();
}

Error Exec::early_end() const {
  App* app = services_.find_app(request_.app_id);
  const bool short_of_memory = status_.signal == SIGKILL && !killed_ && app != nullptr && app->cgroup() != nullptr &&
                               app->cgroup()->oom_kills() > 0;
  if (!short_of_memory) return {ECHILD, "exec", request_.exec_id, "the process ended before its exec"};
  return {ENOMEM, "exec", request_.exec_id, "the process was killed before its exec: the container is at its memory limit"};
}

// When everything that was under way has come to its end: the last word, once.
void Exec::settle() {
  if (draining_ > 0 || kill_running_ || (child_ != nullptr && !given_up_)) return;
  report();
  if (child_ != nullptr) return;
  App* app = services_.find_app(request_.app_id);
  if (app != nullptr && app->cgroup() != nullptr) {
    // Perhaps it died because the container had killed this cgroup by its own hand.
    if (stage_ != Stage::ended) app->cgroup()->spend_exec_slot(slot_);
    app->cgroup()->free_exec_slot(slot_);
  }
  services_.exec_finished(request_.exec_id);
}

void Exec::report() {
  if (std::exchange(reported_, true)) return;
  if (stage_ == Stage::ended) {
    const contract::ExecExited event{request_.app_id, request_.exec_id, status_.code, timed_out_, killed_};
    services_.reply(to_, contract::encode_exec_exited(event));
  } else {
    const Error timeout{ETIMEDOUT, "exec", request_.exec_id, "the time-out passed before the process ran"};
    const Error unknown = early_end();
    services_.reply(to_, contract::encode_error(to_.request, failure_.value_or(timed_out_ ? timeout : unknown)));
  }
}

Result<void> Exec::kill(int signal, bool all) {
  if (stage_ == Stage::waiting) {
    fail({ECANCELED, "exec", request_.exec_id, "it was killed before it began"});
    return {};
  }
  if (child_ == nullptr) return Error{ESRCH, "kill", request_.exec_id, "the exec has no process"};
  if (signal == SIGKILL && all) {
    kill_all();
    return {};
  }
  App* app = services_.find_app(request_.app_id);
  if (all && app != nullptr && app->cgroup() != nullptr) {
    app->cgroup()->signal_exec(slot_, signal);
    return {};
  }
  return child_->signal(signal);
}

Result<void> Exec::resize(unsigned rows, unsigned columns) {
  if (!console_.valid()) return Error{ENOTTY, "resize", request_.exec_id, "the process has no terminal"};
  return set_terminal_size(console_.get(), rows, columns);
}

}  // namespace gantry::keeper
