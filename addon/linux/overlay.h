// overlayfs (Documentation/filesystems/overlayfs.rst).
#pragma once

#include <string>
#include <vector>

#include "linux/result.h"
#include "linux/unique_fd.h"

namespace gantry {

struct OverlayLayer {
  std::string path;
  UniqueFd
      mount;  // used in place of the path where valid: a mount that is attached nowhere (Linux ≥ 6.13, else EINVAL)
};

// Stacks `lower`, topmost first, under `writable`/upper (`writable`/work beside it; both are made when missing, upper
// with the topmost layer's owner and mode 0755). Empty: read-only. `context` is an SELinux label for all files; empty: none.
// The mount is attached nowhere. What is written is not synced: it does not outlive a crash of the host.
Result<UniqueFd> mount_overlay(const std::vector<OverlayLayer>& lower, const std::string& writable,
                               const std::string& context);

}  // namespace gantry
