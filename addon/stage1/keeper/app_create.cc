// From nothing to "running": documents, cgroups, stdio, the clone, the barrier.
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <utility>

#include "linux/atomic_file.h"
#include "linux/clock.h"
#include "stage1/keeper/app.h"

namespace gantry::keeper {

namespace {

constexpr size_t document_limit = 4 << 20;

Error about_file(Error error, const std::string& file) {
  if (!error.subject.empty()) error.message = error.subject + " " + error.message;
  error.subject = file;
  return error;
}

}  // namespace

void App::create(ReplyTo to) {
  holder_ = to;
  state_.app_id = id_;
  state_.phase = contract::AppPhase::barrier;
  auto spec = read_documents();
  if (!spec) return fail(to, std::move(spec.error()));
  auto begun = begin(*spec);
  if (!begun) return fail(to, std::move(begun.error()));
  creating_ = to;
  if (cgroup_ == nullptr) child_placed();  // somebody else places it
}

// Continue may have come by now: a client need not wait for the one to ask for the other.
void App::child_placed() {
  const ReplyTo to = std::exchange(creating_, {});
  if (stage_ == Stage::forgetting) return;
  services_.reply(to, contract::encode_created(to.request, child_->pid()));
  if (alone_) proceed({});
}

void App::run_alone() {
  alone_ = true;
  create({});
}

void App::run_again() {
  const uint32_t restarts = state_.restarts + 1;
  state_ = {};
  state_.restarts = restarts;
  stage_ = Stage::barrier;
  passed_barrier_ = false;
  grace_deadline_ = 0;
  create({});
}

Result<contract::OciSpec> App::read_documents() {
  const std::string directory = services_.pod.directory + "/apps/" + id_;
  const std::string app_file = directory + "/app.json", spec_file = directory + "/config.json";
  auto app_text = read_file(app_file, document_limit);
  if (!app_text) return app_text.error();
  auto manifest = contract::parse_app_manifest(*app_text, app_file);
  if (!manifest) return manifest.error();
  if (manifest->id != id_) return Error{EINVAL, "read", app_file, "its id is '" + manifest->id + "', not " + id_};
  auto spec_text = read_file(spec_file, document_limit);
  if (!spec_text) return spec_text.error();
  auto spec = contract::parse_oci_spec(*spec_text);
  if (!spec) return about_file(std::move(spec.error()), spec_file);
  manifest_ = std::move(*manifest);
  return spec;
}

Result<void> App::begin(const contract::OciSpec& spec) {
  if (!record_) {
    auto record = ExitRecord::create(manifest_.directory + "/exit");
    if (!record) return record.error();
    record_ = std::move(*record);
  }
  if (log_ == nullptr) {
    auto log = LogWriter::open(services_, id_, manifest_.log);
    if (!log) return log.error();
    log_ = std::move(*log);
  }
  resources_ = spec.linux.resources;
  seccomp_ = spec.linux.seccomp;
  hooks_ = AppHooks::of(services_, manifest_, spec);
  GANTRY_TRY(make_cgroup(spec));
  auto io = AppIo::open(services_, manifest_, spec.process.terminal, log_.get());
  if (!io) return io.error();
  io_ = std::move(*io);
  auto in_unified_cgroup = clone(spec);
  if (!in_unified_cgroup) return in_unified_cgroup.error();
  GANTRY_TRY(place(spec, *in_unified_cgroup));
  state_.created_at = realtime_now();
  record(false);
  services_.tidy_later();
  return {};
}

// With systemd the caller makes and places it; see proceed(). A relative path is below the cgroup that stage1 is in.
Result<void> App::make_cgroup(const contract::OciSpec& spec) {
  const std::string& path = spec.linux.cgroups_path;
  if (services_.pod.cgroup.driver == contract::CgroupDriver::systemd) return {};
  if (path.find("..") != std::string::npos) return Error{EINVAL, "make", path, "linux.cgroupsPath must not contain '..'"};
  if (path.empty() || path == "/") return Error{EINVAL, "make", path, "linux.cgroupsPath must name the container's cgroup"};
  auto places = path[0] == '/' ? services_.cgroups.make(path) : services_.cgroups.make_below_own(path);
  if (!places) return places.error();
  auto cgroup = std::make_unique<ContainerCgroup>(services_.cgroups, std::move(*places));
  // What is in it would be killed with the app, and it would be counted as the app's.
  if (cgroup->populated()) return Error{EBUSY, "make", path, "the cgroup has processes already; a container needs its own"};
  cgroup_ = std::move(cgroup);
  return cgroup_->apply(resources_, [this](const std::string& message) { warn(message); });
}

// Whether the process is in its v2 cgroup already.
Result<bool> App::clone(const contract::OciSpec& spec) {
  int target = -1;
  if (!manifest_.pid_target.empty()) {
    const App* other = services_.find_app(manifest_.pid_target);
    const Child* process = other == nullptr ? nullptr : other->running_child();
    if (process == nullptr) {
      return Error{ESRCH, "join", manifest_.pid_target, "the app whose processes are to be seen (pidTarget) does not run"};
    }
    target = process->pidfd();
  }
  auto entry = cgroup_ == nullptr ? Result<CgroupEntry>(CgroupEntry()) : cgroup_->entry();
  if (!entry) return entry.error();
  const executor::AppRequest request{manifest_, spec, io_->child_ends(), target, &*entry};
  auto process = executor::clone_app(services_.sandbox, request);
  if (!process) return process.error();
  const bool in_unified_cgroup = process->in_unified_cgroup;
  io_->close_child_ends();
  state_.pid = process->pid;
  auto child = Child::adopt(services_.loop, std::move(*process), *this);
  if (!child) return child.error();
  child_ = std::move(*child);
  return in_unified_cgroup;
}

Result<void> App::place(const contract::OciSpec& spec, bool in_unified_cgroup) {
  // stage1 protects itself from the OOM killer; its children start from what stage1 was given.
  // One that says something has it already, from where it could be lowered too.
  if (!spec.process.oom_score_adj) (void)write_oom_score_adj(child_->pid(), services_.initial_oom_score_adj);
  if (cgroup_ == nullptr || in_unified_cgroup) return {};
  return cgroup_->place_unified(child_->pid());
}

void App::proceed(ReplyTo to) {
  if (stage_ == Stage::forgetting && failure_ && pending_.connection == 0) {
    pending_ = to;  // forgotten() answers
    return;
  }
  if (stage_ != Stage::barrier) return reply_error(to, not_now("continue"));
  if (cgroup_ == nullptr) {
    auto places = services_.cgroups.adopt(child_->pid());
    if (!places) return fail(to, std::move(places.error()));
    cgroup_ = std::make_unique<ContainerCgroup>(services_.cgroups, std::move(*places));
    cgroup_->watch_oom_kills(services_.loop);
    auto applied = cgroup_->apply(resources_, [this](const std::string& message) { warn(message); });
    if (!applied) return fail(to, std::move(applied.error()));
  }
  stage_ = Stage::preparing;
  passed_barrier_ = true;
  pending_ = to;
  check_sent(child_->proceed());
}

// A child that takes no command is as good as dead; child_exited() answers, and knows better why it died.
void App::check_sent(Result<void> sent) {
  if (sent.ok()) return;
  if (sent.error().code != EPIPE && sent.error().code != ECONNRESET) failure_ = std::move(sent.error());
  (void)child_->signal(SIGKILL);
}

void App::child_console(UniqueFd console) {
  auto set = io_->set_console(std::move(console));
  if (!set) warn("the terminal cannot be used: " + set.error().describe());
}

void App::child_warning(const std::string& message) { warn(message); }

void App::child_prepared() {
  if (stage_ != Stage::preparing) return;
  stage_ = Stage::created;
  state_.phase = contract::AppPhase::created;
  record(false);
  services_.tidy_later();
  reply_done(std::exchange(pending_, {}));
  if (alone_) start({});
}

void App::start(ReplyTo to) {
  if (stage_ != Stage::created) return reply_error(to, not_now("start"));
  stage_ = Stage::starting;
  pending_ = to;
  check_sent(child_->start());
}

void App::child_running() {
  if (stage_ != Stage::starting) return;
  stage_ = Stage::running;
  state_.phase = contract::AppPhase::running;
  state_.started_at = std::max(realtime_now(), state_.created_at);
  record(false);
  services_.broadcast(contract::encode_app_started(state()));
  if (hooks_ == nullptr) {
    reply_done(std::exchange(pending_, {}));
  } else {
    hooks_->poststart(state_.pid, [this](std::optional<Error> failure) { poststart_done(std::move(failure)); });
  }
  services_.app_started(*this);
}

// runtime.md, "Lifecycle": a poststart hook that fails stops the container. Start is answered when nothing is left.
void App::poststart_done(std::optional<Error> failure) {
  if (!failure) return reply_done(std::exchange(pending_, {}));
  failure_ = std::move(failure);
  force();
}

void App::child_failed(Error error) {
  if (!failure_) failure_ = std::move(error);
}

Error App::not_now(const char* operation) const {
  switch (stage_) {
    case Stage::barrier: return {EBUSY, operation, id_, "the app waits at its barrier; Continue comes first"};
    case Stage::preparing: return {EBUSY, operation, id_, "the app is being prepared; wait for Continue's answer"};
    case Stage::created: return {EBUSY, operation, id_, "the app is created and was not started"};
    case Stage::starting:
    case Stage::running: return {EBUSY, operation, id_, "the app runs"};
    case Stage::ending:
    case Stage::exited: return {ESRCH, operation, id_, "the app has exited"};
    case Stage::forgetting: return {ESRCH, operation, id_, "the app's creation failed or was given up"};
  }
  return {EINVAL, operation, id_, {}};
}

void App::record(bool final) {
  if (!record_) return;
  auto written = record_->write(state(), final);
  if (!written) warn("the exit record cannot be written: " + written.error().describe());
}

contract::AppState App::state() const { return state_; }

}  // namespace gantry::keeper
