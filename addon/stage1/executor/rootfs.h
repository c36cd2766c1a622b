// An app's root: the image's layers stacked with overlayfs, or a directory of the host's.
#pragma once

#include <string>

#include "linux/result.h"
#include "linux/unique_fd.h"
#include "stage1/contract/manifest.h"

namespace gantry::executor {

struct Stack {
  const std::string& app_directory;  // gets an empty directory, `empty`, where one is needed
  int user;                          // the pod's user namespace, whose users the layers appear to be owned by; -1: none
  const std::string& label;          // SELinux's for every file; empty: the files' own
};

// The mount, attached nowhere. Without a writable layer the caller makes it read-only once it is attached.
Result<UniqueFd> make_rootfs(const contract::AppRootfs& rootfs, const Stack& stack);

}  // namespace gantry::executor
