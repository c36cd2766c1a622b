// From an executable with two descriptors to a pod that takes requests.
#include <csignal>
#include <utility>

#include "linux/atomic_file.h"
#include "linux/clock.h"
#include "linux/epoll.h"
#include "linux/pidfd.h"
#include "linux/socket.h"
#include "stage1/deadlines.h"
#include "stage1/keeper/pod.h"
#include "stage1/keeper/standard_error.h"

namespace gantry::keeper {

namespace {

constexpr int protected_score = -998;  // as the kubelet protects what a pod cannot live without

}  // namespace

Pod::Pod(Loop& the_loop, LaunchOptions options) : Services(the_loop), options_(std::move(options)) {
  warn = [this](const std::string& app_id, const std::string& message) { say(app_id, message); };
}

int Pod::run(LaunchOptions options) {
  auto loop = Loop::create();
  if (!loop) {
    say_on_standard_error(loop.error().describe());
    return 1;
  }
  Pod pod(**loop, std::move(options));
  auto begun = pod.begin();
  if (!begun) pod.start_failed(std::move(begun.error()));
  auto ran = (*loop)->run();
  if (!ran) say_on_standard_error(ran.error().describe());
  return ran.ok() && !pod.failed_ ? pod.exit_code() : 1;
}

Result<void> Pod::begin() {
  ignore_signal(SIGPIPE);
  GANTRY_TRY(open_control());
  GANTRY_TRY(watch_signals());
  GANTRY_TRY(read_manifest());
  auto detected = HostCgroups::detect();
  if (!detected) return detected.error();
  cgroups = std::move(*detected);
  if (pod.cgroup.driver == contract::CgroupDriver::systemd) {
    if (inherited_connection_ == 0) {
      return Error{EINVAL, "launch", "--control-fd", "with the systemd driver somebody must place stage1 and send ContinuePod"};
    }
    awaiting_placement_ = true;
    broadcast(contract::encode_hello(hello()));
    return {};
  }
  GANTRY_TRY(move_to_own_cgroup());
  broadcast(contract::encode_hello(hello()));
  return become_ready();
}

Result<void> Pod::open_control() {
  if (!options_.control.valid()) return {};
  GANTRY_TRY(set_nonblocking(options_.control.get()));
  GANTRY_TRY(add_connection(std::move(options_.control), true));
  inherited_connection_ = last_connection_;
  return {};
}

Result<void> Pod::read_manifest() {
  const std::string file = options_.pod_dir + "/pod.json";
  auto text = read_file(file, contract::manifest_limit);
  if (!text) return text.error();
  auto manifest = contract::parse_pod_manifest(*text, file);
  if (!manifest) return manifest.error();
  pod = std::move(*manifest);
  // `host` is the same with the host's namespaces, which the manifest says.
  if (pod.flavor == contract::Flavor::namespaces || pod.flavor == contract::Flavor::host) return {};
  return Error{EOPNOTSUPP, "run", file, "this stage1 is of the flavors 'namespaces' and 'host'"};
}

Result<void> Pod::move_to_own_cgroup() {
  if (pod.cgroup.path.empty()) return {};
  auto places = cgroups.make(pod.cgroup.path);
  if (!places) return places.error();
  own_cgroup_ = std::move(*places);
  for (const CgroupPlace& place : own_cgroup_) {
    if (place.hierarchy->v2) cgroups.count_as_made(place, options_.made_parents);
  }
  return place_self(own_cgroup_);
}

void Pod::protect_from_oom() {
  auto found = read_oom_score_adj(0);
  initial_oom_score_adj = found.ok() ? *found : 0;
  auto written = write_oom_score_adj(0, protected_score);
  // A pod without a server dies with whoever runs it; only a server's is expected to be protected.
  if (written.ok() || pod.owner == contract::PodOwner::cli) return;
  say({}, "stage1 keeps oom_score_adj " + std::to_string(initial_oom_score_adj) + ": " + written.error().describe());
}

Result<void> Pod::become_ready() {
  awaiting_placement_ = false;
  protect_from_oom();
  auto made = executor::make_sandbox(pod);
  if (!made) return made.error();
  sandbox = std::move(*made);
  GANTRY_TRY(watch_init());
  auto listener = listen_unix(pod.control_socket);
  if (!listener) return listener.error();
  listener_ = std::move(*listener);
  auto watch = loop.watch(listener_.get(), readable, [this](uint32_t) { accept(); });
  if (!watch) return watch.error();
  listener_watch_ = std::move(*watch);
  ready_ = true;
  broadcast(contract::encode_pod_ready(sandbox.init_pid));
  tidy_later();
  GANTRY_TRY(read_listed_apps());
  start_what_can_start();
  return {};
}

Result<void> Pod::watch_signals() {
  auto signals = signals_as_events({SIGTERM, SIGINT, SIGHUP});
  if (!signals) return signals.error();
  signals_ = std::move(*signals);
  auto watch = loop.watch(signals_.get(), readable, [this](uint32_t) {
    for (auto signal = next_signal(signals_.get()); signal.ok(); signal = next_signal(signals_.get())) {
      // A pod of a server has no terminal to lose.
      if (*signal == SIGHUP && pod.owner == contract::PodOwner::cri) continue;
      stop({}, stopping_ ? 0 : deadlines::signal_grace);
    }
  });
  if (!watch) return watch.error();
  signals_watch_ = std::move(*watch);
  return {};
}

// The kernel ends everything in a shared pid namespace with its PID 1.
Result<void> Pod::watch_init() {
  if (!sandbox.init_pidfd.valid()) return {};
  auto watch = loop.watch(sandbox.init_pidfd.get(), readable, [this](uint32_t) {
    if (!pidfd_reap(sandbox.init_pidfd.get()).ok()) return;
    init_watch_.end();
    sandbox.init_pidfd.reset();
    if (ending_) return run_on_exit();
    say({}, "the PID 1 of the pod's pid namespace has died, and with it every app in there");
    stop({}, 0);
  });
  if (!watch) return watch.error();
  init_watch_ = std::move(*watch);
  return {};
}

void Pod::start_failed(Error error) {
  failed_ = true;
  say_on_standard_error("the pod cannot start: " + error.describe());
  broadcast(contract::encode_pod_failed(error));
  stop({}, 0);
}

}  // namespace gantry::keeper
