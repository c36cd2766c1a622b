// What apps and execs tell the pod.
#include <algorithm>

#include "linux/clock.h"
#include "stage1/keeper/pod.h"

namespace gantry::keeper {

App* Pod::find_app(const std::string& id) {
  const auto found = apps_.find(id);
  return found == apps_.end() ? nullptr : found->second.get();
}

void Pod::exec_finished(const std::string& exec_id) {
  auto node = execs_.extract(exec_id);
  if (!node.empty()) loop.dispose(std::move(node.mapped()));
}

void Pod::forget_app(App& app, std::optional<Error> untold) {
  constexpr size_t most_untold = 32;
  if (untold) untold_.emplace_back(app.id(), std::move(*untold));
  if (untold_.size() > most_untold) untold_.pop_front();
  auto node = apps_.extract(app.id());
  if (node.empty()) return;
  loop.dispose(std::move(node.mapped()));
  // A pod that nobody else looks after has no use without one of its apps.
  const bool listed = std::ranges::any_of(listed_, [&](const ListedApp& entry) { return entry.manifest.id == app.id(); });
  if (listed && !stopping_) return stop({}, 0);
  stop_if_empty();
}

void Pod::app_started(App& app) {
  for (ListedApp& listed : listed_) {
    if (listed.manifest.id != app.id()) continue;
    listed.started = true;
    listed.running_since = monotonic_now();
  }
  start_what_can_start();
}

void Pod::app_ending(App& app) {
  for (const auto& [id, exec] : execs_) {
    if (exec->app_id() == app.id()) exec->app_ending();
  }
}

void Pod::app_exited(App& app) {
  if (stopping_) return stop_if_empty();
  restart_or_stop(app);
}

}  // namespace gantry::keeper
