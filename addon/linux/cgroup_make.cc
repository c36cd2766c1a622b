#include "linux/cgroup_make.h"

#include <algorithm>
#include <optional>

#include "linux/root_dir.h"

namespace gantry {

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

// v1, where only the last one is missing, as it is for every container but a pod's first. Nothing where more is to be done.
std::optional<MadeCgroup> make_last(const CgroupHierarchy& hierarchy, const std::string& path) {
  if (hierarchy.v2 || hierarchy.has("cpuset")) return std::nullopt;
  std::string directory = hierarchy.mount_point + clean_path(path);
  auto fresh = cgroup_make(directory);
  if (!fresh || !*fresh) return std::nullopt;
  if (hierarchy.has("memory")) count_children(directory);
  return MadeCgroup{std::move(directory), true, {}};
}

}  // namespace

Result<MadeCgroup> cgroup_make_path(const CgroupHierarchy& hierarchy, const std::string& path) {
  if (auto made = make_last(hierarchy, path)) return std::move(*made);
  MadeCgroup made{hierarchy.mount_point, false, {}};
  for (size_t at = 0; at < path.size();) {
    const size_t end = std::min(path.find('/', at), path.size());
    const std::string name = path.substr(at, end - at);
    at = end + 1;
    if (name.empty() || name == ".") continue;
    if (made.fresh) made.parents.push_back(made.directory);
    if (hierarchy.v2) hand_down(made.directory);
    const std::string parent = made.directory;
    made.directory += "/" + name;
    auto fresh = cgroup_make(made.directory);
    if (!fresh) return fresh.error();
    made.fresh = *fresh;
    if (hierarchy.has("cpuset") && !hierarchy.v2) GANTRY_TRY(fill_cpuset(parent, made.directory));
    if (*fresh && hierarchy.has("memory") && !hierarchy.v2) count_children(made.directory);
  }
  return made;
}

}  // namespace gantry
