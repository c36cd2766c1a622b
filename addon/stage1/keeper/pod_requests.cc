#include <algorithm>
#include <utility>

#include "stage1/keeper/pod.h"

namespace gantry::keeper {

namespace {

using contract::Operation;

}  // namespace

void Pod::request(Connection& from, contract::Request request) {
  const ReplyTo to{from.id(), request.id};
  tidy_later();
  const auto refuse = [&](Error error) { reply(to, contract::encode_error(to.request, error)); };
  switch (request.operation) {
    case Operation::get_state: return reply(to, contract::encode_state(to.request, pod_state()));
    case Operation::subscribe: return subscribe(from, request.id);
    case Operation::stop_pod: return stop(to, request.grace);
    case Operation::continue_pod:
      if (awaiting_placement_) {
        auto ready = become_ready();
        if (!ready) {
          refuse(ready.error());
          return start_failed(std::move(ready.error()));
        }
      }
      return reply(to, contract::encode_done(to.request));
    case Operation::unknown:
      return refuse({ENOSYS, "request", {}, "this stage1 does not know the request; it may be of an older release"});
    default: break;
  }
  if (!ready_ || stopping_) {
    const bool harmless = request.operation == Operation::stop || request.operation == Operation::remove;
    if (!harmless) return refuse({ESHUTDOWN, "request", pod.id, stopping_ ? "the pod is stopping" : "the pod is not ready"});
  }
  if (request.operation == Operation::create) return create(to, request.app_id);
  if (request.operation == Operation::exec) return exec(to, std::move(request));
  if (!request.exec_id.empty()) return exec_request(to, request);
  app_request(to, request);
}

void Pod::app_request(ReplyTo to, const contract::Request& request) {
  App* app = find_app(request.app_id);
  if (app == nullptr) {
    // Forgetting what is unknown has succeeded already.
    if (request.operation == Operation::remove) return reply(to, contract::encode_done(to.request));
    const auto ended = std::ranges::find(untold_, request.app_id, &std::pair<std::string, Error>::first);
    if (request.operation == Operation::proceed && ended != untold_.end()) {
      reply(to, contract::encode_error(to.request, ended->second));
      untold_.erase(ended);
      return;
    }
    return reply(to, contract::encode_error(to.request, {ENOENT, "find", request.app_id, "the pod has no such app"}));
  }
  const auto answer = [&](Result<void> result) {
    reply(to, result.ok() ? contract::encode_done(to.request) : contract::encode_error(to.request, result.error()));
  };
  switch (request.operation) {
    case Operation::proceed: return app->proceed(to);
    case Operation::start: return app->start(to);
    case Operation::kill: return app->kill(to, request.signal, request.all);
    case Operation::stop: return app->stop(to, request.grace, request.signal);
    case Operation::remove: return app->remove(to);
    case Operation::update: return app->update(to, request.json);
    case Operation::reopen_log: return app->reopen_log(to);
    case Operation::resize:
      if (app->io() != nullptr) return answer(app->io()->resize(request.rows, request.columns));
      return answer(Error{ESRCH, "find", request.app_id, "the app has no stdio: it has exited or was not created"});
    default: return answer(Error{ENOSYS, "request", {}, "this stage1 does not know the request"});
  }
}

void Pod::create(ReplyTo to, const std::string& app_id) {
  const auto refuse = [&](Error error) { reply(to, contract::encode_error(to.request, error)); };
  // Also of one that has waited below.
  if (stopping_) return refuse({ESHUTDOWN, "create", app_id, "the pod is stopping"});
  if (!contract::valid_id(app_id)) {
    return refuse({EINVAL, "create", app_id, "an id is 1 to 255 letters, digits, '.', '_' or '-'"});
  }
  if (App* known = find_app(app_id)) {
    // A given-up creation on its way out must not be in the retry's way.
    if (known->stage() == App::Stage::forgetting) return known->when_forgotten([this, to, app_id] { create(to, app_id); });
    return refuse({EEXIST, "create", app_id, "the pod has an app of this id"});
  }
  auto app = std::make_unique<App>(static_cast<Services&>(*this), app_id);
  App* raw = app.get();
  apps_.emplace(app_id, std::move(app));
  raw->create(to);
}

void Pod::exec(ReplyTo to, contract::Request request) {
  const auto refuse = [&](Error error) { reply(to, contract::encode_error(to.request, error)); };
  const std::string id = request.exec_id;
  if (!contract::valid_id(id)) return refuse({EINVAL, "exec", id, "an id is 1 to 255 letters, digits, '.', '_' or '-'"});
  if (execs_.contains(id)) return refuse({EEXIST, "exec", id, "the pod has an exec of this id"});
  App* app = find_app(request.app_id);
  if (app == nullptr) return refuse({ENOENT, "find", request.app_id, "the pod has no such app"});
  if (app->running_child() == nullptr) return refuse({ESRCH, "exec", request.app_id, "the app does not run"});
  const std::string app_id = request.app_id;
  const auto streams = request.streams;
  Exec& added = *execs_.emplace(id, std::make_unique<Exec>(static_cast<Services&>(*this), std::move(request), to)).first->second;
  bool waits = streams.empty();
  for (const contract::StreamKind stream : streams) {
    if (!added.waits_for(stream)) continue;
    auto opened = streams_.collect(app_id, id, stream);
    // The last one to arrive begins it.
    if (opened) added.stream_arrived(stream, std::move(*opened));
    else waits = true;
  }
  if (waits) added.begin();
}

void Pod::exec_request(ReplyTo to, const contract::Request& request) {
  const auto found = execs_.find(request.exec_id);
  Result<void> result = Error{ENOENT, "find", request.exec_id, "the app has no such exec"};
  if (found != execs_.end() && found->second->app_id() == request.app_id) {
    Exec& target = *found->second;
    result = {};
    if (request.operation == Operation::kill) result = target.kill(request.signal, request.all);
    if (request.operation == Operation::resize) result = target.resize(request.rows, request.columns);
  }
  reply(to, result.ok() ? contract::encode_done(to.request) : contract::encode_error(to.request, result.error()));
}

void Pod::subscribe(Connection& from, uint64_t request_id) {
  from.subscribed = true;
  from.send(contract::encode_done(request_id));
  from.send(contract::encode_hello(hello()));
  if (ready_) from.send(contract::encode_pod_ready(sandbox.init_pid));
  for (std::string& warning : std::exchange(unheard_, {})) from.send(std::move(warning));
}

std::vector<contract::AppState> Pod::app_states() const {
  std::vector<contract::AppState> states;
  for (const auto& [id, app] : apps_) {
    if (app->stage() != App::Stage::forgetting) states.push_back(app->state());
  }
  return states;
}

contract::PodState Pod::pod_state() const { return {hello(), ready_, sandbox.init_pid, app_states()}; }

}  // namespace gantry::keeper
