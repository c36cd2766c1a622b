#include "stage1/keeper/stream_desk.h"

#include "linux/clock.h"
#include "stage1/deadlines.h"

namespace gantry::keeper {

namespace {

constexpr size_t most = 1024;

}  // namespace

Result<void> StreamDesk::check(const contract::OpenStream& open) const {
  if (waiting_.contains(Key{open.app_id, open.exec_id, open.stream})) {
    return Error{EEXIST, "open stream", open.exec_id, "that stream of the exec is open already"};
  }
  if (waiting_.size() >= most) return Error{EAGAIN, "open stream", open.exec_id, "too many streams wait for their exec"};
  return {};
}

void StreamDesk::leave(Loop& loop, const contract::OpenStream& open, OpenedStream opened) {
  const Key key{open.app_id, open.exec_id, open.stream};
  auto waiting = std::make_unique<Waiting>();
  waiting->opened = std::move(opened);
  waiting->limit.start(loop, deadlines::connect_stream, [this, key] { waiting_.erase(key); });
  waiting_.emplace(key, std::move(waiting));
}

std::optional<OpenedStream> StreamDesk::collect(const std::string& app_id, const std::string& exec_id,
                                                contract::StreamKind stream) {
  auto node = waiting_.extract(Key{app_id, exec_id, stream});
  if (node.empty()) return std::nullopt;
  return std::move(node.mapped()->opened);
}

}  // namespace gantry::keeper
