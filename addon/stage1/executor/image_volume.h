// Image volumes: an image's layers, or a part of them, as the read-only source of a mount.
#pragma once

#include <string>

#include "linux/result.h"
#include "linux/unique_fd.h"
#include "stage1/contract/manifest.h"
#include "stage1/contract/oci_spec.h"
#include "stage1/executor/executor.h"

namespace gantry::executor {

// Whether the mount's source is "gantry:image/<index>": a volume of the app's manifest.
bool is_image_volume(const contract::OciMount& wanted);

// A mount of that volume, attached nowhere: its layers stacked, ID-mapped as the mount says, or as the pod is; of its
// sub-path alone, where it has one, which is looked up inside of the image whatever links lie on the way. `label` is an
// SELinux label for all files; empty: none. Errors say "mount image volume" and the destination.
Result<UniqueFd> image_volume_source(const PodSandbox& sandbox, const contract::AppManifest& app,
                                     const contract::OciMount& wanted, const std::string& label);

}  // namespace gantry::executor
