#include "stage1/executor/rootfs.h"

#include <fcntl.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "linux/mount.h"
#include "linux/namespaces.h"
#include "linux/overlay.h"
#include "linux/path_handle.h"
#include "linux/root_dir.h"
#include "stage1/executor/id_map.h"
#include "stage1/executor/root_switch.h"

namespace gantry::executor {

namespace {

// A directory of the app's with nothing in it.
Result<std::string> empty_directory(const std::string& app_directory) {
  auto own = open_directory(app_directory);
  if (!own) return own.error();
  auto made = RootDir(std::move(*own)).ensure("empty", RootDir::Kind::directory);
  if (!made) return made.error();
  return app_directory + "/empty";
}

// Topmost first, as overlayfs counts. An image may name a layer twice, which overlayfs refuses: the upper one shows, and
// hides, all that the lower one would.
std::vector<std::string> unique_layers(const contract::AppRootfs& rootfs) {
  std::vector<std::string> paths;
  for (auto layer = rootfs.layers.rbegin(); layer != rootfs.layers.rend(); ++layer) {
    if (std::ranges::find(paths, layer->mountpoint) == paths.end()) paths.push_back(layer->mountpoint);
  }
  return paths;
}

// With an empty directory beneath, where there is nothing to stack, or where a single layer needs overlayfs for its
// label: overlayfs takes no single one without an upper.
Result<std::vector<std::string>> layer_paths(const contract::AppRootfs& rootfs, const Stack& stack) {
  auto paths = unique_layers(rootfs);
  if (!paths.empty() && (paths.size() > 1 || !rootfs.writable.empty() || stack.label.empty())) return paths;
  auto empty = empty_directory(stack.app_directory);
  if (!empty) return empty.error();
  paths.push_back(std::move(*empty));
  return paths;
}

// Clones of the layers' mounts, ID-mapped in a pod with a user namespace.
Result<std::vector<OverlayLayer>> open_layers(const contract::AppRootfs& rootfs, const Stack& stack) {
  auto paths = layer_paths(rootfs, stack);
  if (!paths) return paths.error();
  std::vector<OverlayLayer> layers;
  for (std::string& path : *paths) {
    OverlayLayer& entry = layers.emplace_back(OverlayLayer{std::move(path), UniqueFd()});
    if (stack.user < 0) continue;
    auto mount = clone_mount(AT_FDCWD, entry.path, false);
    if (!mount) return mount.error();
    GANTRY_TRY(map_ids_of_pod(mount->get(), false, stack.user, entry.path));
    entry.mount = std::move(*mount);
  }
  // Not where IDs are mapped: not every file system that it may be on can do that. Then they are made, as without it.
  const bool beneath = stack.user < 0 && !rootfs.writable.empty() && !rootfs.mount_points.empty();
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

Result<UniqueFd> stack_layers(const contract::AppRootfs& rootfs, const Stack& stack) {
  const std::string& label = stack.label;
  auto layers = open_layers(rootfs, stack);
  if (!layers) return layers.error();
  if (layers->size() == 1 && rootfs.writable.empty()) {
    OverlayLayer& only = layers->front();
    return only.mount.valid() ? Result<UniqueFd>(std::move(only.mount)) : clone_mount(AT_FDCWD, only.path, false);
  }
  auto mount = mount_overlay(*layers, rootfs.writable, label);
  // Before Linux 6.13 overlayfs takes layers by path only; before 6.5 it takes no descriptor at all, and says so otherwise.
  const bool wants_paths = !mount && (mount.error().code == EINVAL || mount.error().code == EOPNOTSUPP);
  if (stack.user < 0 || !wants_paths) return mount;
  return stack_attached_layers(*layers, rootfs.writable, label);
}

}  // namespace

Result<UniqueFd> make_rootfs(const contract::AppRootfs& rootfs, const Stack& stack) {
  if (rootfs.kind == contract::RootfsKind::layers) return stack_layers(rootfs, stack);
  auto mount = clone_mount(AT_FDCWD, rootfs.path, true);
  if (!mount) return mount;
  auto status = status_of(mount->get(), rootfs.path);
  if (!status) return status.error();
  if (!S_ISDIR(status->st_mode)) return Error{ENOTDIR, "mount", rootfs.path, "an app's root must be a directory"};
  return mount;
}

}  // namespace gantry::executor
