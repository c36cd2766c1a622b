// Writing limits: which file of which hierarchy, and what a missing one means.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "stage1/keeper/container_cgroup.h"

namespace gantry::keeper {

// The files of one container's cgroups, by controller. The first refusal sticks; after it nothing more is written. It says
// "set" and the member of linux.resources (`about`), as EINVAL where the kernel does not take the value.
class ResourceFiles {
 public:
  ResourceFiles(const ContainerCgroup& cgroup, const ContainerCgroup::Warn& warn) : cgroup_(cgroup), warn_(warn) {}

  // The member that what follows is about: "memory.limit".
  void about(std::string member) { member_ = std::move(member); }
  // Whether the controller is there at all; says so once where it is not.
  bool has(std::string_view controller);
  [[nodiscard]] bool is_v2(std::string_view controller) const;
  [[nodiscard]] bool has_file(std::string_view controller, const std::string& file) const;
  [[nodiscard]] std::string read(std::string_view controller, const std::string& file) const;

  // The first of two files that the parent cgroup has, without its newline; empty when it has neither.
  [[nodiscard]] std::string of_parent(std::string_view controller, const std::string& file, const std::string& other) const;

  void write(std::string_view controller, const std::string& file, const std::string& value);
  // The same for a file that the member's own value names: that it is missing is a refusal, with `remedy`.
  void write_named(std::string_view controller, const std::string& file, const std::string& value, const std::string& remedy);
  // The result is the caller's to judge.
  [[nodiscard]] Result<void> attempt(std::string_view controller, const std::string& file, const std::string& value);
  // Where the file is there; else nothing.
  void write_if_there(std::string_view controller, const std::string& file, const std::string& value);
  void fail(Error error);
  // EINVAL of the member.
  void refuse(std::string why);

  [[nodiscard]] const ContainerCgroup& cgroup() const { return cgroup_; }
  [[nodiscard]] const ContainerCgroup::Warn& warn() const { return warn_; }
  [[nodiscard]] bool failed() const { return error_.has_value(); }
  Result<void> result();

 private:
  const ContainerCgroup& cgroup_;
  const ContainerCgroup::Warn& warn_;
  std::string member_;
  std::set<std::string, std::less<>> missing_;
  std::optional<Error> error_;
};

void write_memory(ResourceFiles& files, const contract::OciMemory& memory);
void write_cpu(ResourceFiles& files, const contract::OciCpu& cpu);
void write_pids(ResourceFiles& files, const contract::OciPids& pids);
void write_block_io(ResourceFiles& files, const contract::OciBlockIo& io);
void write_others(ResourceFiles& files, const contract::OciResources& resources);

// cpu.shares (2–262144) as v2's cpu.weight (1–10000): the curve through minimum, default (1024 → 100) and maximum that the
// OCI runtimes use now.
uint64_t cpu_weight_of_shares(uint64_t shares);

}  // namespace gantry::keeper
