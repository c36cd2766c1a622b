#include "linux/privilege_drop.h"

#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

namespace gantry {
namespace {

Result<void> close_between(unsigned first, unsigned last) {
  if (::syscall(SYS_close_range, first, last, 0U) != 0) {
    return errno_error("close_range", std::to_string(first) + "-" + std::to_string(last));
  }
  return {};
}

// The bounding set limits what an exec could bring back; without CAP_SETPCAP nothing can be brought back anyway.
Result<void> empty_bounding_set() {
  for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0 && errno != EPERM) {
      return errno_error("prctl(PR_CAPBSET_DROP)", std::to_string(capability));
    }
  }
  return {};
}

Result<void> become_nobody() {
  if (::geteuid() != 0 && ::getuid() != 0) return {};
  if (::setgroups(0, nullptr) != 0) return errno_error("setgroups");
  if (::setresgid(kNobody, kNobody, kNobody) != 0) return errno_error("setresgid", std::to_string(kNobody));
  if (::setresuid(kNobody, kNobody, kNobody) != 0) return errno_error("setresuid", std::to_string(kNobody));
  return {};
}

Result<void> empty_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
  if (::syscall(SYS_capset, &header, none) != 0) return errno_error("capset");
  return {};
}

}  // namespace

Result<void> close_descriptors_except(std::span<const int> keep) {
  std::vector<int> kept(keep.begin(), keep.end());
  std::sort(kept.begin(), kept.end());
  unsigned next = 0;
  for (const int fd : kept) {
    const auto current = static_cast<unsigned>(fd);
    if (current > next) GANTRY_TRY(close_between(next, current - 1));
    next = std::max(next, current + 1);
  }
  return close_between(next, std::numeric_limits<unsigned>::max());
}

Result<void> drop_privileges() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno_error("prctl(PR_SET_NO_NEW_PRIVS)");
  GANTRY_TRY(empty_bounding_set());
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) {
    return errno_error("prctl(PR_CAP_AMBIENT_CLEAR_ALL)");
  }
  GANTRY_TRY(become_nobody());
  GANTRY_TRY(empty_capabilities());
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return errno_error("prctl(PR_SET_DUMPABLE)");
  return {};
}

Result<void> lower_limit(int resource, std::uint64_t value) {
  const auto which = static_cast<__rlimit_resource>(resource);
  rlimit limit{};
  if (::getrlimit(which, &limit) != 0) return errno_error("getrlimit", std::to_string(resource));
  limit.rlim_max = std::min<rlim_t>(limit.rlim_max, value);
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_cur, limit.rlim_max);
  if (::setrlimit(which, &limit) != 0) return errno_error("setrlimit", std::to_string(resource));
  return {};
}

}  // namespace gantry
