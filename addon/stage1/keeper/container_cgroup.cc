#include "stage1/keeper/container_cgroup.h"

#include <algorithm>

namespace gantry::keeper {

namespace {

constexpr int max_exec_slots = 1000;

}  // namespace

const CgroupPlace* ContainerCgroup::with(std::string_view controller) const {
  const auto found = std::ranges::find_if(places_, [&](const auto& place) { return place.hierarchy->has(controller); });
  return found == places_.end() ? nullptr : &*found;
}

const CgroupPlace* ContainerCgroup::unified() const {
  const auto found = std::ranges::find_if(places_, [](const auto& place) { return place.hierarchy->v2; });
  return found == places_.end() ? nullptr : &*found;
}

const CgroupPlace* ContainerCgroup::killing() const {
  const CgroupHierarchy* hierarchy = host_.for_killing();
  const auto found = std::ranges::find_if(places_, [&](const auto& place) { return place.hierarchy == hierarchy; });
  return found == places_.end() ? nullptr : &*found;
}

// v1 counts each cgroup's own victims only, so the nested ones are added. v2 counts up the tree, removed cgroups included,
// unless the host mounted it with memory_localevents: then the sum over what is still there is all that can be known.
uint64_t ContainerCgroup::oom_kills() const {
  const CgroupPlace* memory = with("memory");
  if (memory == nullptr) return 0;
  const bool v2 = memory->hierarchy->v2;
  const std::string file = v2 ? "memory.events.local" : "memory.oom_control";
  uint64_t sum = 0;
  for (const std::string& nested : cgroup_tree(memory->directory)) sum += cgroup_counter(nested, file, "oom_kill");
  if (!v2) return sum;
  const uint64_t seen = oom_watch_ == nullptr ? 0 : oom_watch_->kills();
  return std::max({sum, seen, cgroup_counter(memory->directory, "memory.events", "oom_kill")});
}

void ContainerCgroup::watch_oom_kills(Loop& loop) {
  const CgroupPlace* memory = with("memory");
  if (memory != nullptr && memory->hierarchy->v2) oom_watch_ = OomWatch::start(loop, memory->directory);
}

bool ContainerCgroup::populated() const {
  const CgroupPlace* place = killing();
  return place != nullptr && cgroup_populated(*place->hierarchy, place->directory);
}

void ContainerCgroup::kill() const {
  const CgroupPlace* place = killing();
  if (place == nullptr) return;
  cgroup_kill(*place->hierarchy, place->directory);
  // On hybrid hosts somebody may have frozen it in the other version.
  const CgroupPlace* freezer = with("freezer");
  if (freezer != nullptr && freezer != place) cgroup_thaw(freezer->directory);
}

void ContainerCgroup::signal(int number) const {
  const CgroupPlace* place = killing();
  if (place != nullptr) cgroup_signal(place->directory, number);
}

Result<std::string> ContainerCgroup::take_exec_slot() {
  const CgroupPlace* place = killing();
  if (place == nullptr) return std::string();
  for (int number = 0; number < max_exec_slots; ++number) {
    std::string directory = place->directory + "/exec." + std::to_string(number);
    if (slots_in_use_.contains(directory)) continue;
    if (spent_slots_.contains(directory) && cgroup_remove_one(directory)) spent_slots_.erase(directory);
    auto made = cgroup_make(directory);
    if (!made) return made.error();
    // A background process that an earlier exec left keeps its slot.
    if (!*made && (spent_slots_.contains(directory) || cgroup_populated(*place->hierarchy, directory))) continue;
    slots_in_use_.insert(directory);
    return directory;
  }
  return Error{EAGAIN, "take", "exec cgroup", "the container runs " + std::to_string(max_exec_slots) + " execs already"};
}

std::vector<CgroupPlace> ContainerCgroup::places_of_exec(const std::string& slot) const {
  std::vector<CgroupPlace> places = places_;
  const CgroupHierarchy* apart = host_.for_killing();
  for (CgroupPlace& place : places) {
    if (place.hierarchy == apart && !slot.empty()) place = {apart, slot, true};
  }
  return places;
}

Result<void> ContainerCgroup::place_unified(pid_t pid, const std::string& slot) const {
  std::vector<CgroupPlace> places = places_of_exec(slot);
  std::erase_if(places, [](const CgroupPlace& place) { return !place.hierarchy->v2; });
  return place_process(places, pid);
}

bool ContainerCgroup::exec_populated(const std::string& slot) const {
  const CgroupPlace* place = killing();
  return place != nullptr && !slot.empty() && cgroup_populated(*place->hierarchy, slot);
}

void ContainerCgroup::kill_exec(const std::string& slot) {
  const CgroupPlace* place = killing();
  if (place == nullptr || slot.empty()) return;
  spend_exec_slot(slot);
  cgroup_kill(*place->hierarchy, slot);
}

void ContainerCgroup::signal_exec(const std::string& slot, int number) const {
  if (!slot.empty()) cgroup_signal(slot, number);
}

}  // namespace gantry::keeper
