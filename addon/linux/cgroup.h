// Control groups as files: which hierarchies a host has (v1, v2, or both), and what can be done with one directory.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "linux/result.h"
#include "linux/unique_fd.h"

namespace gantry {

struct CgroupHierarchy {
  bool v2 = false;
  std::string mount_point;               // "/sys/fs/cgroup/memory"
  std::string root;                      // what of the hierarchy is mounted there; "/" unless a container was given less
  std::string key;                       // as in /proc/<pid>/cgroup: "cpu,cpuacct", "name=systemd"; empty for v2
  std::vector<std::string> controllers;  // v1: fixed by the mount; v2: those that its root offers

  [[nodiscard]] bool has(std::string_view controller) const;
};

// Every hierarchy once, v1 before v2. Empty on a host without cgroups.
Result<std::vector<CgroupHierarchy>> cgroup_hierarchies();
// Where a process (0: this one) is in a hierarchy, relative to the mount point ("/kubepods/x"; "/" at its root).
Result<std::string> cgroup_of(pid_t pid, const CgroupHierarchy& hierarchy);

// --- one directory; `file` is a name within ---
Result<std::string> cgroup_read(const std::string& directory, const std::string& file);
// A file that takes several values, one write(2) each, as the kernel wants it. The error's message is the value that was refused.
class CgroupFile {
 public:
  static Result<CgroupFile> open(const std::string& directory, const std::string& file);
  Result<void> write(std::string_view value) const;

 private:
  CgroupFile(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  UniqueFd fd_;
  std::string path_;
};
// The same for one value.
Result<void> cgroup_write(const std::string& directory, const std::string& file, std::string_view value);
bool cgroup_has(const std::string& directory, const std::string& file);
// Whether it is new; one that exists is no error.
Result<bool> cgroup_make(const std::string& directory);
Result<std::vector<pid_t>> cgroup_pids(const std::string& directory);
// It and everything nested in it, the innermost first. Empty when it does not exist.
std::vector<std::string> cgroup_tree(const std::string& directory);
// rmdir(2) of it alone, which an empty one without children allows.
bool cgroup_remove_one(const std::string& directory);
// rmdir of the whole tree; EBUSY while a process is left. One that does not exist is no error.
Result<void> cgroup_remove(const std::string& directory);
// Only what is below it.
Result<void> cgroup_remove_below(const std::string& directory);
// The number behind `key` in a file of "key value" lines; 0 where there is none.
// The number behind `key` in a text of `key number` lines; 0 without it.
uint64_t cgroup_value(std::string_view text, std::string_view key);
uint64_t cgroup_counter(const std::string& directory, const std::string& file, std::string_view key);
// Whether any process is left in it or below.
bool cgroup_populated(const CgroupHierarchy& hierarchy, const std::string& directory);

// Sends a signal to every process in it and below, once.
void cgroup_signal(const std::string& directory, int signal);
// In v1's freezer: a process that is frozen there dies only when it is thawed. The nested ones may have been frozen by the app
// itself; those of a frozen parent thaw with it, so it comes last.
void cgroup_thaw(const std::string& directory);
// SIGKILL to every process in it and below, such that none escapes by forking: cgroup.kill, or frozen, killed and thawed.
// Returns before they are gone; to be repeated until the cgroup is empty.
void cgroup_kill(const CgroupHierarchy& hierarchy, const std::string& directory);

}  // namespace gantry
