#include "stage1/keeper/host_cgroups.h"

#include <fcntl.h>

#include <algorithm>

#include "linux/atomic_file.h"
#include "linux/cgroup_make.h"
#include "linux/clone_process.h"
#include "linux/pidfd.h"
#include "stage1/deadlines.h"

namespace gantry::keeper {

namespace {

}  // namespace

Result<HostCgroups> HostCgroups::detect() {
  auto hierarchies = cgroup_hierarchies();
  if (!hierarchies) return hierarchies.error();
  HostCgroups host;
  host.hierarchies_ = std::move(*hierarchies);
  return host;
}

const CgroupHierarchy* HostCgroups::of(std::string_view controller) const {
  const auto found = std::ranges::find_if(hierarchies_, [&](const auto& hierarchy) { return hierarchy.has(controller); });
  return found == hierarchies_.end() ? nullptr : &*found;
}

const CgroupHierarchy* HostCgroups::for_killing() const {
  const auto unified = std::ranges::find_if(hierarchies_, [](const auto& hierarchy) { return hierarchy.v2; });
  if (unified != hierarchies_.end()) return &*unified;
  if (const CgroupHierarchy* freezer = of("freezer")) return freezer;
  return hierarchies_.empty() ? nullptr : &hierarchies_.front();
}

Result<CgroupPlace> HostCgroups::make_in(const CgroupHierarchy& hierarchy, const std::string& path) {
  auto made = cgroup_make_path(hierarchy, path);
  if (!made) return made.error();
  made_parents_.insert(made_parents_.end(), made->parents.begin(), made->parents.end());
  return CgroupPlace{&hierarchy, std::move(made->directory), made->fresh};
}

Result<std::vector<CgroupPlace>> HostCgroups::make(const std::string& path) {
  std::vector<CgroupPlace> places;
  for (const CgroupHierarchy& hierarchy : hierarchies_) {
    auto place = make_in(hierarchy, path);
    if (!place) {
      (void)remove_cgroups(places);
      return place.error();
    }
    places.push_back(std::move(*place));
  }
  return places;
}

Result<std::vector<CgroupPlace>> HostCgroups::adopt(pid_t pid) {
  // systemd keeps its books in the v2 hierarchy where that is all there is, else in name=systemd.
  const auto named = std::ranges::find_if(hierarchies_, [](const auto& h) { return h.key == "name=systemd"; });
  const CgroupHierarchy* book = named != hierarchies_.end() ? &*named : for_killing();
  if (book == nullptr) return std::vector<CgroupPlace>{};
  auto path = cgroup_of(pid, *book);
  if (!path) return path.error();
  auto own = cgroup_of(0, *book);
  if (!own) return own.error();
  // The container's cgroup is killed with the container: this process must not be in it.
  if (*path == "/" || *path == *own || own->starts_with(*path + "/")) {
    return Error{EINVAL, "place", *path, "the process was not moved into a cgroup of its own before Continue"};
  }
  auto places = make(*path);
  if (!places) return places;
  for (CgroupPlace& place : *places) place.of_systemd = place.hierarchy == book;
  GANTRY_TRY(place_process(*places, pid));
  return places;
}

Result<std::vector<CgroupPlace>> HostCgroups::make_below_own(const std::string& relative) {
  std::vector<CgroupPlace> places;
  for (const CgroupHierarchy& hierarchy : hierarchies_) {
    auto path = cgroup_of(0, hierarchy);
    if (!path) return path.error();
    auto place = make_in(hierarchy, *path + "/" + relative);
    if (!place) {
      (void)remove_cgroups(places);
      return place.error();
    }
    places.push_back(std::move(*place));
  }
  return places;
}

void HostCgroups::count_as_made(const CgroupPlace& place, int count) {
  std::vector<std::string> parents;
  std::string directory = place.directory;
  for (; count > 0 && directory.rfind('/') > place.hierarchy->mount_point.size(); --count) {
    directory.resize(directory.rfind('/'));
    parents.push_back(directory);
  }
  made_parents_.insert(made_parents_.end(), parents.rbegin(), parents.rend());
}

void HostCgroups::remove_made_parents() {
  // The innermost were made last.
  for (auto parent = made_parents_.rbegin(); parent != made_parents_.rend(); ++parent) (void)cgroup_remove_one(*parent);
  made_parents_.clear();
}

Result<CgroupEntry> entry_of(const std::vector<CgroupPlace>& places) {
  CgroupEntry entry;
  for (const CgroupPlace& place : places) {
    if (!place.hierarchy->v2) GANTRY_TRY(entry.add(place.directory));
    if (place.hierarchy->v2 && place.fresh) GANTRY_TRY(entry.set_unified(place.directory));
  }
  return entry;
}

Result<void> place_process(const std::vector<CgroupPlace>& places, pid_t pid) {
  for (const CgroupPlace& place : places) GANTRY_TRY(cgroup_write(place.directory, "cgroup.procs", std::to_string(pid)));
  return {};
}

Result<void> place_self(const std::vector<CgroupPlace>& places) {
  CgroupEntry entry;
  for (const CgroupPlace& place : places) {
    if (!place.hierarchy->v2) {
      GANTRY_TRY(entry.add(place.directory));
      continue;
    }
    auto now = cgroup_of(0, *place.hierarchy);
    if (now && place.hierarchy->mount_point + (*now == "/" ? "" : *now) == place.directory) continue;
    GANTRY_TRY(cgroup_write(place.directory, "cgroup.procs", "0"));
  }
  return entry.enter();
}

Result<void> remove_cgroups(const std::vector<CgroupPlace>& places) {
  Result<void> first;
  for (const CgroupPlace& place : places) {
    auto removed = place.of_systemd ? cgroup_remove_below(place.directory) : cgroup_remove(place.directory);
    if (!removed.ok() && first.ok()) first = std::move(removed.error());
  }
  return first;
}

void leave_cgroups(const std::vector<CgroupPlace>& places) {
  std::vector<CgroupPlace> roots;
  for (const CgroupPlace& place : places) roots.push_back({place.hierarchy, place.hierarchy->mount_point});
  (void)place_self(roots);
}

Result<bool> outlive_self(const std::vector<CgroupPlace>& places) {
  const auto v2 = std::find_if(places.begin(), places.end(), [](const CgroupPlace& place) { return place.hierarchy->v2; });
  if (v2 == places.end()) return Error{ENOENT, "clone", "cgroup", "this pod has no v2 cgroup"};
  auto self = pidfd_open(own_pid());
  if (!self) return self.error();
  auto root = open_file(v2->hierarchy->mount_point, O_RDONLY | O_DIRECTORY);
  if (!root) return root.error();
  auto clone = clone_process(0, root->get());
  if (!clone) return clone.error();
  if (clone->pid != 0) return false;
  if (!wait_for_end(self->get(), deadlines::stage1_end_milliseconds)) exit_now(1);
  return true;
}

}  // namespace gantry::keeper
