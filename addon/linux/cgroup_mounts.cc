// Which hierarchies there are, read from /proc/self/mountinfo (proc(5)) rather than guessed from paths.
#include <algorithm>
#include <optional>

#include "linux/atomic_file.h"
#include "linux/cgroup.h"

namespace gantry {

namespace {

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  size_t at = 0;
  while (at <= text.size()) {
    const size_t end = std::min(text.find(separator, at), text.size());
    if (end > at) parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

// Super-block options of a v1 mount that are no controllers.
bool is_controller(const std::string& option) {
  static constexpr std::string_view others[] = {"rw", "ro", "xattr", "clone_children", "noprefix", "none", "all",
                                                "cpuset_v2_mode", "favordynmods", "nofavordynmods", "seclabel"};
  return option.find('=') == std::string::npos && std::ranges::find(others, option) == std::end(others);
}

// "31 23 0:28 /root /mount/point rw,relatime shared:9 - cgroup cgroup rw,memory"
std::optional<CgroupHierarchy> parse_mount(const std::string& line) {
  const size_t dash = line.find(" - ");
  if (dash == std::string::npos) return std::nullopt;
  const auto before = split(line.substr(0, dash), ' ');
  const auto after = split(line.substr(dash + 3), ' ');
  if (before.size() < 6 || after.size() < 3) return std::nullopt;
  if (after[0] != "cgroup" && after[0] != "cgroup2") return std::nullopt;
  CgroupHierarchy hierarchy;
  hierarchy.v2 = after[0] == "cgroup2";
  hierarchy.root = before[3];
  hierarchy.mount_point = before[4];
  if (hierarchy.v2) return hierarchy;
  for (const std::string& option : split(after[2], ',')) {
    if (is_controller(option)) hierarchy.controllers.push_back(option);
    if (is_controller(option) || option.starts_with("name=")) {
      hierarchy.key += (hierarchy.key.empty() ? "" : ",") + option;
    }
  }
  return hierarchy;
}

// "/docker/x" seen through a mount whose root is "/docker" is "/x".
std::string below_root(const std::string& path, const std::string& root) {
  if (root == "/" || !path.starts_with(root)) return path;
  const std::string rest = path.substr(root.size());
  return rest.empty() ? "/" : rest;
}

}  // namespace

bool CgroupHierarchy::has(std::string_view controller) const {
  return std::ranges::find(controllers, controller) != controllers.end();
}

Result<std::vector<CgroupHierarchy>> cgroup_hierarchies() {
  auto mounts = read_file("/proc/self/mountinfo", 64 << 20);
  if (!mounts) return mounts.error();
  std::vector<CgroupHierarchy> all;
  for (const std::string& line : split(*mounts, '\n')) {
    auto hierarchy = parse_mount(line);
    if (!hierarchy || !cgroup_has(hierarchy->mount_point, "cgroup.procs")) continue;
    // Containers' own mounts of the same hierarchy may follow; the host's was first.
    const bool known = std::ranges::any_of(
        all, [&](const CgroupHierarchy& other) { return other.v2 == hierarchy->v2 && other.key == hierarchy->key; });
    if (known) continue;
    if (hierarchy->v2) {
      auto offered = cgroup_read(hierarchy->mount_point, "cgroup.controllers");
      if (offered.ok()) {
        if (!offered->empty() && offered->back() == '\n') offered->pop_back();
        hierarchy->controllers = split(*offered, ' ');
      }
    }
    all.push_back(std::move(*hierarchy));
  }
  std::ranges::stable_partition(all, [](const CgroupHierarchy& hierarchy) { return !hierarchy.v2; });
  return all;
}

Result<std::string> cgroup_of(pid_t pid, const CgroupHierarchy& hierarchy) {
  const std::string file = "/proc/" + (pid == 0 ? "self" : std::to_string(pid)) + "/cgroup";
  auto text = read_file(file, 1 << 20);
  if (!text) return text.error();
  for (const std::string& line : split(*text, '\n')) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string key = line.substr(first + 1, second - first - 1);
    const bool match = hierarchy.v2 ? line.starts_with("0::") : !line.starts_with("0::") && key == hierarchy.key;
    if (match) return below_root(line.substr(second + 1), hierarchy.root);
  }
  return Error{ENOENT, "find", hierarchy.v2 ? "unified cgroup" : hierarchy.key, "not in " + file};
}

}  // namespace gantry
