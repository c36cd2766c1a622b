#include "stage1/executor/rootfs.h"

#include <fcntl.h>

#include <optional>
#include <vector>

#include "linux/mount.h"
#include "linux/overlay.h"
#include "linux/root_dir.h"
#include "stage1/executor/id_map.h"

namespace gantry::executor {

namespace {

// Clones of the layers' mounts, topmost first as overlayfs counts; ID-mapped in a pod with a user namespace.
Result<std::vector<OverlayLayer>> open_layers(const contract::AppRootfs& rootfs, int user) {
  std::vector<OverlayLayer> layers;
  for (auto layer = rootfs.layers.rbegin(); layer != rootfs.layers.rend(); ++layer) {
    OverlayLayer& entry = layers.emplace_back(OverlayLayer{layer->mountpoint, UniqueFd()});
    if (user < 0) continue;
    auto mount = clone_mount(AT_FDCWD, layer->mountpoint, false);
    if (!mount) return mount.error();
    GANTRY_TRY(map_ids_of_pod(mount->get(), false, user, layer->mountpoint));
    entry.mount = std::move(*mount);
  }
  return layers;
}

Result<UniqueFd> single_layer(std::vector<OverlayLayer>& layers) {
  auto mount = layers[0].mount.valid() ? Result<UniqueFd>(std::move(layers[0].mount)) : clone_mount(AT_FDCWD, layers[0].path, false);
  if (!mount) return mount;
  MountChange change;
  change.set = MOUNT_ATTR_RDONLY;
  GANTRY_TRY(change_mount(mount->get(), change, layers[0].path));
  return mount;
}

Result<UniqueFd> stack_layers(const contract::AppRootfs& rootfs, int user, const std::string& label) {
  if (rootfs.layers.empty()) return Error{EINVAL, "mount", "rootfs", "an app needs at least one layer"};
  auto layers = open_layers(rootfs, user);
  if (!layers) return layers.error();
  // overlayfs takes no single lower layer without an upper one.
  if (layers->size() == 1 && rootfs.writable.empty()) return single_layer(*layers);
  return mount_overlay(*layers, rootfs.writable, label);
}

}  // namespace

Result<UniqueFd> make_rootfs(const contract::AppRootfs& rootfs, int user, const std::string& label) {
  if (rootfs.kind == contract::RootfsKind::layers) return stack_layers(rootfs, user, label);
  auto mount = clone_mount(AT_FDCWD, rootfs.path, true);
  if (!mount) return mount;
  auto status = status_of(mount->get(), rootfs.path);
  if (!status) return status.error();
  if (!S_ISDIR(status->st_mode)) return Error{ENOTDIR, "mount", rootfs.path, "an app's root must be a directory"};
  return mount;
}

}  // namespace gantry::executor
