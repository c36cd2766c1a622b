// One app: a small state machine between requests, its process's messages and its process's end.
//
//   barrier ─▶ preparing ─▶ created ─▶ starting ─▶ running ─▶ ending ─▶ exited
//      └───────────┴─▶ forgetting (nothing is left, the id is free)
//
// ending: the first process is gone; whatever else is in the cgroups is killed, the outputs are read to their end.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "stage1/contract/oci_spec.h"
#include "stage1/keeper/app_hooks.h"
#include "stage1/keeper/app_io.h"
#include "stage1/keeper/child.h"
#include "stage1/keeper/container_cgroup.h"
#include "stage1/keeper/exit_record.h"
#include "stage1/keeper/repeat_until.h"
#include "stage1/keeper/services.h"

namespace gantry::keeper {

class App : private Child::Listener {
 public:
  enum class Stage { barrier, preparing, created, starting, running, ending, exited, forgetting };

  App(Services& services, std::string id) : services_(services), id_(std::move(id)) {}
  App(const App&) = delete;
  App& operator=(const App&) = delete;

  // Answers Created, or the error (then the app asks to be forgotten).
  void create(ReplyTo to);
  // Without a server: from nothing to running by itself; again after an exit.
  void run_alone();
  void run_again();
  void proceed(ReplyTo to);
  void start(ReplyTo to);
  void kill(ReplyTo to, int signal, bool all);
  void stop(ReplyTo to, int64_t grace, int signal);
  void remove(ReplyTo to);
  void update(ReplyTo to, const std::string& resources_json);
  void reopen_log(ReplyTo to);
  void connection_closed(uint64_t connection);
  // Runs when the id is free again.
  void when_forgotten(std::function<void()> then) { forgotten_.push_back(std::move(then)); }

  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] Stage stage() const { return stage_; }
  [[nodiscard]] contract::AppState state() const;
  [[nodiscard]] const contract::AppManifest& manifest() const { return manifest_; }
  [[nodiscard]] bool gone() const { return stage_ == Stage::exited || stage_ == Stage::forgetting; }

  // For execs, and for apps that look at this one's processes; null when the app does not run.
  [[nodiscard]] Child* running_child() const { return stage_ == Stage::running ? child_.get() : nullptr; }
  [[nodiscard]] ContainerCgroup* cgroup() const { return cgroup_.get(); }
  [[nodiscard]] const std::optional<contract::OciSeccomp>& seccomp() const { return seccomp_; }
  [[nodiscard]] AppIo* io() const { return io_.get(); }

 private:
  void child_placed() override;
  void child_console(UniqueFd console) override;
  void child_warning(const std::string& message) override;
  void child_prepared() override;
  void child_running() override;
  void child_failed(Error error) override;
  void child_exited(ExitStatus status) override;

  // app_create.cc
  Result<contract::OciSpec> read_documents();
  Result<void> begin(const contract::OciSpec& spec);
  Result<void> make_cgroup(const contract::OciSpec& spec);
  Result<bool> clone(const contract::OciSpec& spec);
  Result<void> place(const contract::OciSpec& spec, bool in_unified_cgroup);
  void check_sent(Result<void> sent);
  void poststart_done(std::optional<Error> failure);
  // app_end.cc
  void fail(ReplyTo to, Error error);
  void forget();
  void leave_child();
  void begin_ending(ExitStatus status);
  [[nodiscard]] bool oom_killed() const;
  [[nodiscard]] Error early_end(const char* operation, const char* what, const ExitStatus& status) const;
  void kill_rest(std::function<void()> then);
  void drain_and_finish();
  void remove_cgroups(std::function<void()> then);
  void run_poststop(std::function<void()> then);
  void finished();
  void forgotten();
  // app_stop.cc
  void force();
  void answer_waiting();

  void record(bool final);
  void warn(const std::string& message) { services_.warn(id_, message); }
  void reply_error(ReplyTo to, Error error) { services_.reply(to, contract::encode_error(to.request, error)); }
  void reply_done(ReplyTo to) { services_.reply(to, contract::encode_done(to.request)); }
  [[nodiscard]] Error not_now(const char* operation) const;

  Services& services_;
  std::string id_;
  Stage stage_ = Stage::barrier;
  contract::AppManifest manifest_;
  contract::OciResources resources_;
  std::optional<contract::OciSeccomp> seccomp_;
  contract::AppState state_;
  std::optional<ExitRecord> record_;
  std::unique_ptr<ContainerCgroup> cgroup_;
  std::unique_ptr<LogWriter> log_;
  std::unique_ptr<AppIo> io_;
  std::unique_ptr<Child> child_;
  std::unique_ptr<AppHooks> hooks_;  // null without poststart and poststop hooks
  std::optional<Error> failure_;
  bool alone_ = false;
  bool passed_barrier_ = false;

  ReplyTo holder_;   // of the barrier: who asked for Create
  ReplyTo creating_;  // Create, until the process is in its cgroups
  ReplyTo pending_;   // Continue or Start, whichever runs
  std::vector<ReplyTo> stop_waiters_, delete_waiters_;
  std::vector<std::function<void()>> forgotten_;
  Timer grace_, force_;
  int64_t grace_deadline_ = 0;
  RepeatUntil killing_, removing_;
};

}  // namespace gantry::keeper
