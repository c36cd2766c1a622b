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

std::unique_ptr<OomWatch> OomWatch::start(Loop& loop, const std::string& directory) {
  auto events = open_file(directory + "/" + file, O_RDONLY);
  if (!events) return nullptr;
  auto around = open_file(directory.substr(0, directory.rfind('/') + 1) + file, O_RDONLY);
  std::unique_ptr<OomWatch> self(new OomWatch);
  self->own_.events = std::move(*events);
  if (around) self->parent_.events = std::move(*around);
  for (Counter* counter : {&self->own_, &self->parent_}) {
    if (!counter->events.valid()) continue;
    auto watch = loop.watch(counter->events.get(), file_changed, [raw = self.get()](uint32_t) { raw->look(); });
    if (watch) counter->watch = std::move(*watch);
  }
  self->look();
  return self;
}

// By the watched descriptor: reading it is what ends the notification.
std::optional<uint64_t> OomWatch::count(const Counter& counter) {
  std::array<uint8_t, 1024> text;
  auto size = pread_full(counter.events.get(), text, 0);
  if (!size) return std::nullopt;  // the cgroup was removed
  return cgroup_value({reinterpret_cast<const char*>(text.data()), *size}, key);
}

// The parent first: what it has counted of this cgroup, this cgroup has counted before. As long as both can be read, all
// that is new at the parent and not here was a neighbour's.
void OomWatch::look() {
  const auto around = count(parent_);
  const auto own = count(own_);
  if (!own) {
    own_.watch.end();
    parent_.watch.end();
    return;
  }
  kills_ = std::max(kills_, *own);
  if (around) explained_ = *around;
}

uint64_t OomWatch::kills() {
  look();
  if (count(own_)) return kills_;
  const uint64_t around = count(parent_).value_or(0);
  return kills_ + (around > explained_ ? around - explained_ : 0);
}

}  // namespace gantry::keeper
