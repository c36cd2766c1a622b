// An app's root: the image's layers stacked with overlayfs, or a directory of the host's.
#pragma once

#include <string>

#include "linux/result.h"
#include "linux/unique_fd.h"
#include "stage1/contract/manifest.h"

namespace gantry::executor {

// The mount, attached nowhere. In a pod with a user namespace (`user`; -1: none) the layers appear as owned by its
// users. Without a writable layer the caller makes it read-only once it is attached. `label` is SELinux's for every
// file in it; empty: the files' own.
Result<UniqueFd> make_rootfs(const contract::AppRootfs& rootfs, int user, const std::string& label);

}  // namespace gantry::executor
