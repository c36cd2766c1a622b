// Pods that run without a server (`gantry run`): the manifest's apps in order, `after`, `restart`, and the pod's end when
// nothing is left to run.
#include <algorithm>

#include "linux/atomic_file.h"
#include "linux/clock.h"
#include "stage1/keeper/pod.h"

namespace gantry::keeper {

namespace {

constexpr int64_t default_backoff = nanoseconds_a_second;
constexpr int64_t default_backoff_max = 300 * nanoseconds_a_second;
constexpr int64_t long_run = 600 * nanoseconds_a_second;  // an app that ran for this long starts anew with the first pause

int64_t backoff_of(const contract::Restart& restart, int failures) {
  const int64_t most = restart.backoff_max > 0 ? restart.backoff_max : default_backoff_max;
  int64_t pause = restart.backoff_initial > 0 ? restart.backoff_initial : default_backoff;
  for (int count = 1; count < failures && pause < most; ++count) pause *= 2;
  return std::min(pause, most);
}

}  // namespace

Result<void> Pod::read_listed_apps() {
  for (const std::string& id : pod.apps) {
    const std::string file = pod.directory + "/apps/" + id + "/app.json";
    auto text = read_file(file, contract::manifest_limit);
    if (!text) return text.error();
    auto manifest = contract::parse_app_manifest(*text, file);
    if (!manifest) return manifest.error();
    ListedApp listed;
    listed.manifest = std::move(*manifest);
    listed_.push_back(std::move(listed));
  }
  for (const ListedApp& listed : listed_) {
    for (const std::string& name : listed.manifest.after) {
      const bool known = std::ranges::any_of(listed_, [&](const ListedApp& other) { return other.manifest.name == name; });
      if (!known) return Error{EINVAL, "start", listed.manifest.name, "its `after` names '" + name + "', which the pod has not"};
    }
  }
  return {};
}

bool Pod::has_started(const std::string& name) const {
  return std::ranges::any_of(listed_, [&](const ListedApp& other) { return other.manifest.name == name && other.started; });
}

void Pod::start_what_can_start() {
  bool begun_one = false;
  for (ListedApp& listed : listed_) {
    const auto& after = listed.manifest.after;
    const bool may = std::ranges::all_of(after, [this](const std::string& name) { return has_started(name); });
    if (listed.begun || !may || stopping_) continue;
    listed.begun = true;
    begun_one = true;
    const std::string id = listed.manifest.id;
    App& app = *apps_.emplace(id, std::make_unique<App>(static_cast<Services&>(*this), id)).first->second;
    app.run_alone();
  }
  const bool any_begun = std::ranges::any_of(listed_, &ListedApp::begun);
  if (listed_.empty() || begun_one || any_begun) return;
  say({}, "no app can start: their `after` form a circle");
  failed_ = true;
  stop({}, 0);
}

// After an exit: again, if the app's policy says so; the pod ends with its last app.
void Pod::restart_or_stop(App& app) {
  const auto listed = std::ranges::find_if(listed_, [&](const ListedApp& entry) { return entry.manifest.id == app.id(); });
  if (listed == listed_.end()) return;
  const contract::AppState state = app.state();
  const contract::Restart& restart = listed->manifest.restart;
  const bool again = restart.policy == contract::RestartPolicy::always ||
                     (restart.policy == contract::RestartPolicy::on_failure && state.exit_code != 0);
  if (again) {
    const bool ran_long = state.started_at > 0 && monotonic_now() - listed->running_since > long_run;
    listed->failures = ran_long ? 1 : listed->failures + 1;
    return listed->backoff->start(loop, backoff_of(restart, listed->failures), [&app] { app.run_again(); });
  }
  const bool done = std::ranges::all_of(listed_, [this](const ListedApp& entry) {
    const App* other = find_app(entry.manifest.id);
    return !entry.backoff->running() && (!entry.begun || (other != nullptr && other->stage() == App::Stage::exited));
  });
  if (done) stop({}, 0);
}

}  // namespace gantry::keeper
