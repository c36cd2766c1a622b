#include "stage1/keeper/oom_watch.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <span>

#include "linux/atomic_file.h"
#include "linux/cgroup.h"
#include "linux/file_io.h"

namespace gantry::keeper {

namespace {

constexpr const char* file = "memory.events";
constexpr std::string_view key = "oom_kill";

}  // namespace

OomWatch::OomWatch(const std::string& directory) : parent_(directory.substr(0, directory.rfind('/'))) {
  before_ = parent_count();
}

std::unique_ptr<OomWatch> OomWatch::start(Loop& loop, const std::string& directory) {
  auto events = open_file(directory + "/" + file, O_RDONLY);
  if (!events) return nullptr;
  std::unique_ptr<OomWatch> self(new OomWatch(directory));
  self->events_ = std::move(*events);
  // Without the watch the parent's count is left.
  auto watch = loop.watch(self->events_.get(), file_changed, [raw = self.get()](uint32_t) { raw->read(); });
  if (watch) self->watch_ = std::move(*watch);
  self->read();
  return self;
}

// By the watched descriptor: reading it is what ends the notification.
void OomWatch::read() {
  std::array<uint8_t, 1024> text;
  auto size = pread_full(events_.get(), text, 0);
  if (!size) return watch_.end();  // the cgroup was removed
  kills_ = std::max(kills_, cgroup_value({reinterpret_cast<const char*>(text.data()), *size}, key));
}

uint64_t OomWatch::parent_count() const { return cgroup_counter(parent_, file, key); }

uint64_t OomWatch::kills_around() const {
  const uint64_t now = parent_count();
  return now > before_ ? now - before_ : 0;
}

}  // namespace gantry::keeper
