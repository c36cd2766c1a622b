#include "linux/capabilities.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <iterator>

namespace gantry {

namespace {

// In the kernel's order: a name's index is its number.
constexpr std::string_view names[] = {"CAP_CHOWN",
                                      "CAP_DAC_OVERRIDE",
                                      "CAP_DAC_READ_SEARCH",
                                      "CAP_FOWNER",
                                      "CAP_FSETID",
                                      "CAP_KILL",
                                      "CAP_SETGID",
                                      "CAP_SETUID",
                                      "CAP_SETPCAP",
                                      "CAP_LINUX_IMMUTABLE",
                                      "CAP_NET_BIND_SERVICE",
                                      "CAP_NET_BROADCAST",
                                      "CAP_NET_ADMIN",
                                      "CAP_NET_RAW",
                                      "CAP_IPC_LOCK",
                                      "CAP_IPC_OWNER",
                                      "CAP_SYS_MODULE",
                                      "CAP_SYS_RAWIO",
                                      "CAP_SYS_CHROOT",
                                      "CAP_SYS_PTRACE",
                                      "CAP_SYS_PACCT",
                                      "CAP_SYS_ADMIN",
                                      "CAP_SYS_BOOT",
                                      "CAP_SYS_NICE",
                                      "CAP_SYS_RESOURCE",
                                      "CAP_SYS_TIME",
                                      "CAP_SYS_TTY_CONFIG",
                                      "CAP_MKNOD",
                                      "CAP_LEASE",
                                      "CAP_AUDIT_WRITE",
                                      "CAP_AUDIT_CONTROL",
                                      "CAP_SETFCAP",
                                      "CAP_MAC_OVERRIDE",
                                      "CAP_MAC_ADMIN",
                                      "CAP_SYSLOG",
                                      "CAP_WAKE_ALARM",
                                      "CAP_BLOCK_SUSPEND",
                                      "CAP_AUDIT_READ",
                                      "CAP_PERFMON",
                                      "CAP_BPF",
                                      "CAP_CHECKPOINT_RESTORE"};

constexpr CapabilityMask bit(int number) { return CapabilityMask{1} << number; }

int count_capabilities() {
  int number = 0;
  while (number < 63 && ::prctl(PR_CAPBSET_READ, number + 1, 0, 0, 0) >= 0) ++number;
  return number;
}

int last_capability() {
  static const int last = count_capabilities();
  return last;
}

struct KernelSets {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2]{};
};

}  // namespace

int capability_number(std::string_view name) {
  for (size_t i = 0; i < std::size(names); ++i) {
    if (names[i] == name) return static_cast<int>(i);
  }
  return -1;
}

CapabilityMask kernel_capabilities() { return bit(last_capability()) | (bit(last_capability()) - 1); }

Result<void> limit_bounding_set(CapabilityMask keep) {
  for (int number = last_capability(); number >= 0; --number) {
    if (keep & bit(number) || ::prctl(PR_CAPBSET_READ, number, 0, 0, 0) == 0) continue;
    if (::prctl(PR_CAPBSET_DROP, number, 0, 0, 0) < 0) return errno_error("prctl", "PR_CAPBSET_DROP");
  }
  return {};
}

Result<void> keep_capabilities(bool keep) {
  if (::prctl(PR_SET_KEEPCAPS, keep ? 1 : 0, 0, 0, 0) < 0) return errno_error("prctl", "PR_SET_KEEPCAPS");
  return {};
}

Result<void> set_capabilities(const CapabilitySets& sets) {
  KernelSets kernel;
  for (int half = 0; half < 2; ++half) {
    kernel.data[half].effective = static_cast<uint32_t>(sets.effective >> (32 * half));
    kernel.data[half].permitted = static_cast<uint32_t>(sets.permitted >> (32 * half));
    kernel.data[half].inheritable = static_cast<uint32_t>(sets.inheritable >> (32 * half));
  }
  if (::syscall(SYS_capset, &kernel.header, kernel.data) < 0) {
    return errno_error("capset", {}, "a capability was asked for that this process or its bounding set does not have");
  }
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
    return errno_error("prctl", "PR_CAP_AMBIENT_CLEAR_ALL");
  for (int number = 0; number < 64; ++number) {
    if (!(sets.ambient & bit(number))) continue;
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0) < 0) {
      return errno_error("prctl", "PR_CAP_AMBIENT_RAISE",
                         "an ambient capability must be permitted and inheritable as well");
    }
  }
  return {};
}

Result<CapabilityMask> own_permitted_set() {
  KernelSets kernel;
  if (::syscall(SYS_capget, &kernel.header, kernel.data) < 0) return errno_error("capget");
  return kernel.data[0].permitted | CapabilityMask{kernel.data[1].permitted} << 32;
}

}  // namespace gantry
