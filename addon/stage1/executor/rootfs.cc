#include "stage1/executor/rootfs.h"

#include <fcntl.h>

#include <optional>
#include <vector>

#include "linux/mount.h"
#include "linux/namespaces.h"
#include "linux/overlay.h"
#include "linux/root_dir.h"
#include "stage1/executor/id_map.h"
#include "stage1/executor/root_switch.h"

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
  // Not where IDs are mapped: not every file system that it may be on can do that. Then they are made, as without it.
  const bool beneath = user < 0 && !rootfs.writable.empty() && !rootfs.mount_points.empty();
  if (beneath) layers.push_back(OverlayLayer{rootfs.mount_points, UniqueFd()});
  return layers;
}

// Gives ID-mapped layers paths, in a mount namespace of this process's own: it is the host's side, which does nothing
// after this but clone mounts from there.
Result<void> attach_layers(std::vector<OverlayLayer>& layers) {
  GANTRY_TRY(new_namespaces(CLONE_NEWNS));
  auto context = FsContext::open("tmpfs");
  if (!context) return context.error();
  auto shelf = context->create(0);
  if (!shelf) return shelf.error();
  GANTRY_TRY(attach_new_root(shelf->get()));
  const RootDir root(std::move(*shelf));
  for (size_t i = 0; i < layers.size(); ++i) {
    auto place = root.ensure(std::to_string(i), RootDir::Kind::directory);
    if (!place) return place.error();
    GANTRY_TRY(attach_mount(layers[i].mount.get(), place->get(), layers[i].path));
    layers[i].path = "/proc/" + std::to_string(i);
    layers[i].mount.reset();
  }
  return {};
}

// overlayfs has its own clones of the layers: /proc comes to light again, for whoever maps IDs next.
Result<UniqueFd> stack_attached_layers(std::vector<OverlayLayer>& layers, const std::string& writable,
                                       const std::string& label) {
  GANTRY_TRY(attach_layers(layers));
  auto mount = mount_overlay(layers, writable, label);
  GANTRY_TRY(detach_uppermost("/proc"));
  return mount;
}

Result<UniqueFd> stack_layers(const contract::AppRootfs& rootfs, int user, const std::string& label) {
  if (rootfs.layers.empty()) return Error{EINVAL, "mount", "rootfs", "an app needs at least one layer"};
  auto layers = open_layers(rootfs, user);
  if (!layers) return layers.error();
  // overlayfs takes no single lower layer without an upper one.
  if (layers->size() == 1 && rootfs.writable.empty()) {
    OverlayLayer& only = layers->front();
    return only.mount.valid() ? Result<UniqueFd>(std::move(only.mount)) : clone_mount(AT_FDCWD, only.path, false);
  }
  auto mount = mount_overlay(*layers, rootfs.writable, label);
  // Before Linux 6.13 overlayfs takes layers by path only; before 6.5 it takes no descriptor at all, and says so otherwise.
  const bool wants_paths = !mount && (mount.error().code == EINVAL || mount.error().code == EOPNOTSUPP);
  if (user < 0 || !wants_paths) return mount;
  return stack_attached_layers(*layers, rootfs.writable, label);
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
