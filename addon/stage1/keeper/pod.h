// The pod: start, connections, apps and execs, end. Requests come in here and go to the app that they name.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "stage1/keeper/app.h"
#include "stage1/keeper/connection.h"
#include "stage1/keeper/exec.h"
#include "stage1/keeper/services.h"
#include "stage1/keeper/stream_desk.h"

namespace gantry::keeper {

struct LaunchOptions {
  std::string pod_dir;
  UniqueFd lock;     // held for as long as the pod lives
  UniqueFd control;  // the first control connection; may be none
  int made_parents = 0;  // of the pod's own cgroup in v2, made by whoever started stage1 in there
};

// An app of the manifest's `apps`: started without a server, in order.
struct ListedApp {
  contract::AppManifest manifest;
  bool begun = false;
  bool started = false;
  int failures = 0;  // since it last ran for long
  int64_t running_since = 0;  // by the monotonic clock: no step of the host's time makes a run long, or short
  std::unique_ptr<Timer> backoff = std::make_unique<Timer>();
};

class Pod : private Services, private Connection::Owner {
 public:
  // Runs the pod to its end. The process's exit code.
  static int run(LaunchOptions options);

 private:
  Pod(Loop& the_loop, LaunchOptions options);

  // pod_start.cc
  Result<void> read_manifest();
  Result<void> open_control();
  Result<void> begin();
  Result<void> move_to_own_cgroup();
  void protect_from_oom();
  Result<void> become_ready();
  Result<void> watch_signals();
  Result<void> watch_init();
  void start_failed(Error error);

  // pod_requests.cc
  void request(Connection& from, contract::Request request) override;
  void app_request(ReplyTo to, const contract::Request& request);
  void create(ReplyTo to, const std::string& app_id);
  void exec(ReplyTo to, contract::Request request);
  void exec_request(ReplyTo to, const contract::Request& request);
  void subscribe(Connection& from, uint64_t request_id);
  [[nodiscard]] contract::Hello hello() const;
  [[nodiscard]] contract::PodState pod_state() const;
  [[nodiscard]] std::vector<contract::AppState> app_states() const;

  // pod_connections.cc
  void accept();
  Result<void> add_connection(UniqueFd socket, bool subscribed);
  void open_stream(contract::OpenStream open, UniqueFd socket, std::string first) override;
  Result<void> take_stream(const contract::OpenStream& open, UniqueFd& socket, std::string& first);
  void closed(Connection& connection) override;
  void reply(ReplyTo to, std::string frame) override;
  void broadcast(std::string frame) override;
  void say(const std::string& app_id, const std::string& message);

  // pod_apps.cc: what apps and execs tell, and pods that run without a server
  App* find_app(const std::string& id) override;
  void app_started(App& app) override;
  void app_ending(App& app) override;
  void app_exited(App& app) override;
  void forget_app(App& app, std::optional<Error> untold = {}) override;
  void exec_finished(const std::string& exec_id) override;
  // pod_autostart.cc
  Result<void> read_listed_apps();
  void start_what_can_start();
  [[nodiscard]] bool has_started(const std::string& name) const;
  void restart_or_stop(App& app);

  // pod_stop.cc
  void stop(ReplyTo to, int64_t grace);
  void stop_if_empty();
  void end_sandbox();
  void run_on_exit();
  void say_good_bye();
  void remove_own_cgroup();
  [[nodiscard]] int exit_code() const;

  LaunchOptions options_;
  UniqueFd listener_, signals_, on_exit_process_;
  Watch listener_watch_, signals_watch_, init_watch_, on_exit_watch_;
  Timer accept_pause_, end_limit_;
  std::vector<CgroupPlace> own_cgroup_;
  std::map<uint64_t, std::unique_ptr<Connection>> connections_;
  std::map<std::string, std::unique_ptr<App>> apps_;
  // The last ones, for the Continue that is on its way: by the app's id.
  std::deque<std::pair<std::string, Error>> untold_;
  std::map<std::string, std::unique_ptr<Exec>> execs_;
  std::vector<ListedApp> listed_;
  StreamDesk streams_;
  std::vector<std::string> unheard_;  // warnings that came while nobody listened
  std::vector<ReplyTo> stop_waiters_;
  uint64_t last_connection_ = 0;
  uint64_t inherited_connection_ = 0;
  bool awaiting_placement_ = false;
  bool ready_ = false;
  bool stopping_ = false;
  bool ending_ = false;
  bool on_exit_begun_ = false;
  bool failed_ = false;
};

}  // namespace gantry::keeper
