#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "linux/clock.h"
#include "linux/socket.h"
#include "stage1/keeper/pod.h"
#include "stage1/keeper/standard_error.h"

namespace gantry::keeper {

namespace {

constexpr size_t most_unheard = 32;

}  // namespace

void Pod::accept() {
  // A few a time: requests of those that are here come in between.
  for (int count = 0; count < 16; ++count) {
    auto socket = accept_connection(listener_.get());
    if (!socket) {
      const int code = socket.error().code;
      if (code != EMFILE && code != ENFILE && code != ENOMEM && code != ENOBUFS) return;
      // The listener would stay ready, and we would spin.
      listener_watch_.set(nothing);
      return accept_pause_.start(loop, nanoseconds_a_second / 10, [this] { listener_watch_.set(readable); });
    }
    (void)add_connection(std::move(*socket), false);
  }
}

Result<void> Pod::add_connection(UniqueFd socket, bool subscribed) {
  const uint64_t id = ++last_connection_;
  auto connection = Connection::open(loop, *this, std::move(socket), id);
  if (!connection) return connection.error();
  (*connection)->subscribed = subscribed;
  connections_.emplace(id, std::move(*connection));
  return {};
}

void Pod::closed(Connection& connection) {
  const uint64_t id = connection.id();
  auto node = connections_.extract(id);
  if (node.empty()) return;
  loop.dispose(std::move(node.mapped()));
  for (const auto& [app_id, app] : apps_) app->connection_closed(id);
  // The sandbox has a barrier of its own: whoever was to place stage1 is gone.
  if (id == inherited_connection_ && awaiting_placement_) {
    start_failed({ECONNRESET, "wait for", "ContinuePod", "the launcher closed the control connection"});
  }
}

void Pod::open_stream(contract::OpenStream open, UniqueFd socket, std::string first) {
  auto taken = take_stream(open, socket, first);
  if (!taken) (void)write_some(socket.get(), contract::encode_error(0, taken.error()));
}

Result<void> Pod::take_stream(const contract::OpenStream& open, UniqueFd& socket, std::string& first) {
  // Before any byte of output can follow it.
  const auto answer = [&] { (void)write_some(socket.get(), contract::encode_done(0)); };
  if (open.stream == contract::StreamKind::unspecified) {
    return Error{EINVAL, "open stream", open.app_id, "the stream must be STDIN, STDOUT or STDERR"};
  }
  if (!open.exec_id.empty()) {
    const auto found = execs_.find(open.exec_id);
    if (found == execs_.end()) {
      GANTRY_TRY(streams_.check(open));
      answer();
      streams_.leave(loop, open, {std::move(socket), std::move(first)});
      return {};
    }
    if (found->second->app_id() != open.app_id || !found->second->waits_for(open.stream)) {
      return Error{EBUSY, "open stream", open.exec_id, "the exec does not wait for that stream"};
    }
    answer();
    found->second->stream_arrived(open.stream, {std::move(socket), std::move(first)});
    return {};
  }
  App* app = find_app(open.app_id);
  if (app == nullptr) return Error{ENOENT, "attach", open.app_id, "the pod has no such app"};
  if (app->io() == nullptr) return Error{ESRCH, "attach", open.app_id, "the app has exited"};
  GANTRY_TRY(app->io()->check_attach(open.stream));
  answer();
  app->io()->attach(open.stream, std::move(socket), first);
  return {};
}

void Pod::reply(ReplyTo to, std::string frame) {
  const auto found = connections_.find(to.connection);
  if (found != connections_.end()) found->second->send(std::move(frame));
}

void Pod::broadcast(std::string frame) {
  std::vector<uint64_t> subscribers;
  for (const auto& [id, connection] : connections_) {
    if (connection->subscribed) subscribers.push_back(id);
  }
  // Sending may lose a connection, and with it an app that it held at the barrier.
  for (const uint64_t id : subscribers) reply({id, 0}, frame);
}

void Pod::say(const std::string& app_id, const std::string& message) {
  if (pod.owner == contract::PodOwner::cli) say_on_standard_error((app_id.empty() ? "" : app_id + ": ") + message);
  const std::string frame = contract::encode_warning(app_id, message);
  const bool heard = std::ranges::any_of(connections_, [](const auto& entry) { return entry.second->subscribed; });
  if (heard) return broadcast(frame);
  if (unheard_.size() < most_unheard) unheard_.push_back(frame);
}

contract::Hello Pod::hello() const {
  return {::getpid(), pod.id, pod.flavor == contract::Flavor::host ? "host" : "namespaces"};
}

}  // namespace gantry::keeper
