// Kills of the OOM killer in a v2 cgroup that somebody else removes: systemd takes a scope away as soon as its last process has
// gone, perhaps before stage1 has learned of the exit and looked at the count.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "linux/unique_fd.h"
#include "stage1/keeper/loop.h"

namespace gantry::keeper {

class OomWatch {
 public:
  // Reads memory.events of `directory` and of its parent at each change, for as long as there are both. Null where there is none.
  static std::unique_ptr<OomWatch> start(Loop& loop, const std::string& directory);
  OomWatch(const OomWatch&) = delete;
  OomWatch& operator=(const OomWatch&) = delete;

  // In the cgroup. Of one that is gone: what was seen in it, and what its parent has counted since then, which tells of all kills
  // below it; a neighbour's within those milliseconds is taken for this cgroup's.
  uint64_t kills();

 private:
  struct Counter {
    UniqueFd events;
    Watch watch;
  };

  OomWatch() = default;
  void look();
  static std::optional<uint64_t> count(const Counter& counter);

  Counter own_, parent_;
  uint64_t kills_ = 0, explained_ = 0;
};

}  // namespace gantry::keeper
