// Device access of a v2 cgroup: a small program that the kernel asks at every open and mknod of a device
// (BPF_PROG_TYPE_CGROUP_DEVICE). v1 has the files devices.allow and devices.deny instead.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "linux/result.h"
#include "linux/unique_fd.h"

namespace gantry {

enum class DeviceKind : uint8_t { all, block, character };

// Access bits as the kernel has them (BPF_DEVCG_ACC_…).
inline constexpr uint32_t device_mknod = 1, device_read = 2, device_write = 4;

struct DeviceRule {
  bool allow = false;
  DeviceKind kind = DeviceKind::all;
  uint32_t access = device_mknod | device_read | device_write;
  std::optional<uint32_t> major, minor;  // absent: any
};

// Rules in their order, a later one overriding an earlier; what no rule speaks of is denied. With `previous` the new
// program takes its place in one step, so that there is no moment without a program.
Result<UniqueFd> cgroup_attach_devices(const std::string& directory, std::span<const DeviceRule> rules,
                                       const UniqueFd& previous);

}  // namespace gantry
