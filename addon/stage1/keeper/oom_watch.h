// Kills of the OOM killer in a v2 cgroup that somebody else removes: systemd takes a scope away as soon as its last process has
// gone, perhaps before stage1 has learned of the exit and looked at the count.
#pragma once

#include <memory>
#include <string>

#include "linux/unique_fd.h"
#include "stage1/keeper/loop.h"

namespace gantry::keeper {

class OomWatch {
 public:
  // Reads `directory`/memory.events at each change, for as long as there is that file. Null where there is none.
  static std::unique_ptr<OomWatch> start(Loop& loop, const std::string& directory);
  OomWatch(const OomWatch&) = delete;
  OomWatch& operator=(const OomWatch&) = delete;

  // Seen in the cgroup itself; a kill just before its removal may be missing.
  [[nodiscard]] uint64_t kills() const { return kills_; }
  // By how many kills the parent's count, which outlives the cgroup, has grown since the start: of this cgroup or of a
  // neighbour.
  [[nodiscard]] uint64_t kills_around() const;

 private:
  explicit OomWatch(const std::string& directory);
  void read();
  [[nodiscard]] uint64_t parent_count() const;

  std::string parent_;
  uint64_t kills_ = 0, before_ = 0;
  UniqueFd events_;
  Watch watch_;
};

}  // namespace gantry::keeper
