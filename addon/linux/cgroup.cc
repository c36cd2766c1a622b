#include "linux/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <span>
#include <utility>

#include "linux/atomic_file.h"
#include "linux/pidfd.h"

namespace gantry {

namespace {

constexpr size_t file_limit = 16 << 20;  // cgroup.procs of a fork bomb
constexpr size_t pids_at_once = 64;      // each costs a descriptor for a moment

template <typename Each>
void for_each_line(std::string_view text, Each each) {
  while (!text.empty()) {
    const size_t end = text.find('\n');
    each(text.substr(0, end));
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

std::vector<std::string> subdirectories(const std::string& directory) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(directory.c_str()), ::closedir);
  if (!open) return names;
  while (const dirent* entry = ::readdir(open.get())) {
    const std::string_view name = entry->d_name;
    if (entry->d_type == DT_DIR && name != "." && name != "..") names.push_back(directory + "/" + entry->d_name);
  }
  return names;
}

void append_tree(const std::string& directory, std::vector<std::string>& tree) {
  for (const std::string& nested : subdirectories(directory)) append_tree(nested, tree);
  tree.push_back(directory);
}

// A process that ends while we look leaves its number to another one, perhaps of the host's: only what is still listed
// after it was opened is what was listed before.
void signal_members(const std::string& directory, std::span<const pid_t> pids, int signal) {
  std::vector<std::pair<pid_t, UniqueFd>> opened;
  for (const pid_t pid : pids) {
    auto process = pidfd_open(pid);
    if (process) opened.emplace_back(pid, std::move(*process));
  }
  auto still = cgroup_pids(directory);
  if (!still) return;
  std::ranges::sort(*still);
  for (const auto& [pid, process] : opened) {
    if (std::ranges::binary_search(*still, pid)) (void)pidfd_send_signal(process.get(), signal);
  }
}

void freeze_and_kill(const CgroupHierarchy& hierarchy, const std::string& directory) {
  const bool freezer = hierarchy.has("freezer");
  if (hierarchy.v2) (void)cgroup_write(directory, "cgroup.freeze", "1");
  if (freezer) (void)cgroup_write(directory, "freezer.state", "FROZEN");
  cgroup_signal(directory, SIGKILL);
  if (freezer) cgroup_thaw(directory);
  if (!hierarchy.v2) return;
  for (const std::string& nested : cgroup_tree(directory)) (void)cgroup_write(nested, "cgroup.freeze", "0");
}

}  // namespace

Result<std::string> cgroup_read(const std::string& directory, const std::string& file) {
  return read_file(directory + "/" + file, file_limit);
}

Result<CgroupFile> CgroupFile::open(const std::string& directory, const std::string& file) {
  std::string path = directory + "/" + file;
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd.valid()) return errno_error("open", path);
  return CgroupFile(std::move(fd), std::move(path));
}

Result<void> CgroupFile::write(std::string_view value) const {
  ssize_t put;
  do put = ::write(fd_.get(), value.data(), value.size());
  while (put < 0 && errno == EINTR);
  if (put < 0) return errno_error("write", path_, "the kernel refused the value '" + std::string(value) + "'");
  return {};
}

Result<void> cgroup_write(const std::string& directory, const std::string& file, std::string_view value) {
  auto opened = CgroupFile::open(directory, file);
  return opened ? opened->write(value) : opened.error();
}

bool cgroup_has(const std::string& directory, const std::string& file) {
  return ::access((directory + "/" + file).c_str(), F_OK) == 0;
}

Result<bool> cgroup_make(const std::string& directory) {
  if (::mkdir(directory.c_str(), 0755) == 0) return true;
  if (errno == EEXIST) return false;
  return errno_error("mkdir", directory);
}

Result<std::vector<pid_t>> cgroup_pids(const std::string& directory) {
  auto text = cgroup_read(directory, "cgroup.procs");
  if (!text) return text.error();
  std::vector<pid_t> pids;
  for_each_line(*text, [&](std::string_view line) {
    // 0: a process of a pid namespace that is not ours.
    if (const int pid = std::atoi(std::string(line).c_str()); pid > 0) pids.push_back(pid);
  });
  return pids;
}

std::vector<std::string> cgroup_tree(const std::string& directory) {
  std::vector<std::string> tree;
  if (::access(directory.c_str(), F_OK) == 0) append_tree(directory, tree);
  return tree;
}

bool cgroup_remove_one(const std::string& directory) { return ::rmdir(directory.c_str()) == 0; }

Result<void> cgroup_remove_below(const std::string& directory) {
  for (const std::string& nested : cgroup_tree(directory)) {
    if (nested != directory && ::rmdir(nested.c_str()) < 0 && errno != ENOENT) return errno_error("rmdir", nested);
  }
  return {};
}

Result<void> cgroup_remove(const std::string& directory) {
  GANTRY_TRY(cgroup_remove_below(directory));
  if (::rmdir(directory.c_str()) < 0 && errno != ENOENT) return errno_error("rmdir", directory);
  return {};
}

uint64_t cgroup_value(std::string_view text, std::string_view key) {
  uint64_t value = 0;
  for_each_line(text, [&](std::string_view line) {
    if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == ' ') {
      value = std::strtoull(std::string(line.substr(key.size() + 1)).c_str(), nullptr, 10);
    }
  });
  return value;
}

uint64_t cgroup_counter(const std::string& directory, const std::string& file, std::string_view key) {
  auto text = cgroup_read(directory, file);
  return text.ok() ? cgroup_value(*text, key) : 0;
}

bool cgroup_populated(const CgroupHierarchy& hierarchy, const std::string& directory) {
  if (hierarchy.v2 && cgroup_has(directory, "cgroup.events")) {
    return cgroup_counter(directory, "cgroup.events", "populated") != 0;
  }
  return std::ranges::any_of(cgroup_tree(directory), [](const std::string& nested) {
    auto text = cgroup_read(nested, "cgroup.procs");
    return text.ok() && !text->empty();
  });
}

void cgroup_signal(const std::string& directory, int signal) {
  for (const std::string& nested : cgroup_tree(directory)) {
    auto pids = cgroup_pids(nested);
    if (!pids) continue;
    for (std::span<const pid_t> left = *pids; !left.empty();) {
      const auto some = left.first(std::min(left.size(), pids_at_once));
      signal_members(nested, some, signal);
      left = left.subspan(some.size());
    }
  }
}

void cgroup_thaw(const std::string& directory) {
  for (const std::string& nested : cgroup_tree(directory)) (void)cgroup_write(nested, "freezer.state", "THAWED");
  (void)cgroup_write(directory, "freezer.state", "THAWED");
}

void cgroup_kill(const CgroupHierarchy& hierarchy, const std::string& directory) {
  if (hierarchy.v2 && cgroup_write(directory, "cgroup.kill", "1").ok()) return;
  freeze_and_kill(hierarchy, directory);
}

}  // namespace gantry
