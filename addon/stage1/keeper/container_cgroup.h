// One container's cgroups, in every hierarchy: its limits, its counters, its execs' kill-cgroups, its end.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "linux/unique_fd.h"
#include "stage1/contract/oci_spec.h"
#include "stage1/keeper/host_cgroups.h"
#include "stage1/keeper/oom_watch.h"

namespace gantry::keeper {

class ContainerCgroup {
 public:
  using Warn = std::function<void(const std::string& message)>;

  ContainerCgroup(const HostCgroups& host, std::vector<CgroupPlace> places) : host_(host), places_(std::move(places)) {}

  // For the app's first process, and for an exec's (with its slot).
  [[nodiscard]] Result<CgroupEntry> entry() const { return entry_of(places_); }
  [[nodiscard]] Result<CgroupEntry> exec_entry(const std::string& slot) const { return entry_of(places_of_exec(slot)); }
  // Moves a process that could not be born in its v2 cgroup.
  Result<void> place_unified(pid_t pid, const std::string& slot = {}) const;
  // Members that are absent stay as they are. A controller that the host lacks is a warning; a value that the kernel
  // refuses is an error with the file and the value.
  Result<void> apply(const contract::OciResources& resources, const Warn& warn);

  // For cgroups that somebody else removes, see OomWatch.
  void watch_oom_kills(Loop& loop);
  // How often the OOM killer took a process of it, nested cgroups included, since it was made.
  [[nodiscard]] uint64_t oom_kills() const;
  [[nodiscard]] bool populated() const;
  void kill() const;
  void signal(int number) const;
  // EBUSY while a process is left.
  Result<void> remove() const { return remove_cgroups(places_); }

  // An exec's processes stay in the container's own cgroups, where their memory counts, and are besides in a small one
  // below it that exists for killing them together: in the hierarchy that kills (cAdvisor reads that one only where v2 is
  // all there is, and sees a few reused names there). Slots whose processes are gone are used again.
  Result<std::string> take_exec_slot();
  void free_exec_slot(const std::string& directory) { slots_in_use_.erase(directory); }
  [[nodiscard]] bool exec_populated(const std::string& slot) const;
  void kill_exec(const std::string& slot);
  // Its next user gets a new cgroup of that name. Kernels since 6.14 count a v2 cgroup's kills, compare with the count
  // of the *parent's* cgroup when a process is born into it, and kill a process that is born where there was a kill.
  void spend_exec_slot(const std::string& slot) { spent_slots_.insert(slot); }
  void signal_exec(const std::string& slot, int number) const;

  // The directory in a controller's hierarchy; null where the host lacks it.
  [[nodiscard]] const CgroupPlace* with(std::string_view controller) const;
  [[nodiscard]] const CgroupPlace* unified() const;

 private:
  [[nodiscard]] const CgroupPlace* killing() const;
  [[nodiscard]] std::vector<CgroupPlace> places_of_exec(const std::string& slot) const;
  Result<void> apply_devices(const std::vector<contract::OciDeviceRule>& rules, const Warn& warn);

  const HostCgroups& host_;
  std::vector<CgroupPlace> places_;
  std::set<std::string> slots_in_use_, spent_slots_;
  UniqueFd device_program_;
  std::unique_ptr<OomWatch> oom_watch_;
};

}  // namespace gantry::keeper
