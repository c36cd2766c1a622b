#include "stage1/keeper/host_cgroups.h"


#include <algorithm>

namespace gantry::keeper {

namespace {

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

// A fresh v1 cpuset has no CPUs and takes no process; its parent's are what it would have under v2.
Result<void> fill_cpuset(const std::string& parent, const std::string& directory) {
  for (const char* file : {"cpuset.cpus", "cpuset.mems"}) {
    auto own = cgroup_read(directory, file);
    if (!own || !trimmed(*own).empty()) continue;
    auto inherited = cgroup_read(parent, file);
    if (inherited.ok()) GANTRY_TRY(cgroup_write(directory, file, trimmed(*inherited)));
  }
  return {};
}

// Before Linux 5.11 a v1 memory cgroup did not count its children unless told.
void count_children(const std::string& directory) {
  auto value = cgroup_read(directory, "memory.use_hierarchy");
  if (value.ok() && trimmed(*value) == "0") (void)cgroup_write(directory, "memory.use_hierarchy", "1");
}

bool has_word(const std::string& words, const std::string& word) {
  return (" " + words + " ").find(" " + word + " ") != std::string::npos;
}

// Makes the controllers that `directory` has available to its children, one by one where all at once is refused: a
// cgroup with processes of its own cannot hand down most, and what is missing is said when a limit needs it.
void hand_down(const std::string& directory) {
  auto available = cgroup_read(directory, "cgroup.controllers");
  auto enabled = cgroup_read(directory, "cgroup.subtree_control");
  if (!available || !enabled) return;
  const std::string have = trimmed(*enabled);
  std::vector<std::string> missing;
  std::string rest = trimmed(*available) + " ";
  for (size_t at = 0; (at = rest.find(' ')) != std::string::npos; rest.erase(0, at + 1)) {
    const std::string controller = rest.substr(0, at);
    if (!controller.empty() && !has_word(have, controller)) missing.push_back("+" + controller);
  }
  if (missing.empty()) return;
  std::string all;
  for (const std::string& controller : missing) all += controller + " ";
  if (cgroup_write(directory, "cgroup.subtree_control", trimmed(all)).ok()) return;
  for (const std::string& controller : missing) (void)cgroup_write(directory, "cgroup.subtree_control", controller);
}

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
  std::string directory = hierarchy.mount_point;
  std::vector<std::string> made;
  for (size_t at = 0; at < path.size();) {
    const size_t end = std::min(path.find('/', at), path.size());
    const std::string name = path.substr(at, end - at);
    at = end + 1;
    if (name.empty() || name == ".") continue;
    if (hierarchy.v2) hand_down(directory);
    const std::string parent = directory;
    directory += "/" + name;
    auto fresh = cgroup_make(directory);
    if (!fresh) return fresh.error();
    if (*fresh) made.push_back(directory);
    if (hierarchy.has("cpuset") && !hierarchy.v2) GANTRY_TRY(fill_cpuset(parent, directory));
    if (*fresh && hierarchy.has("memory") && !hierarchy.v2) count_children(directory);
  }
  const bool fresh = !made.empty() && made.back() == directory;
  if (fresh) made.pop_back();
  made_parents_.insert(made_parents_.end(), made.begin(), made.end());
  return CgroupPlace{&hierarchy, directory, fresh};
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
  const auto own = std::ranges::find_if(hierarchies_, [](const auto& h) { return h.key == "name=systemd"; });
  const CgroupHierarchy* book = own != hierarchies_.end() ? &*own : for_killing();
  if (book == nullptr) return std::vector<CgroupPlace>{};
  auto path = cgroup_of(pid, *book);
  if (!path) return path.error();
  if (*path == "/") {
    return Error{EINVAL, "place", std::to_string(pid), "the process was not moved into a cgroup of its own before Continue"};
  }
  auto places = make(*path);
  if (!places) return places;
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

Result<void> remove_cgroups(const std::vector<CgroupPlace>& places) {
  Result<void> first;
  for (const CgroupPlace& place : places) {
    auto removed = cgroup_remove(place.directory);
    if (!removed.ok() && first.ok()) first = std::move(removed.error());
  }
  return first;
}

}  // namespace gantry::keeper
