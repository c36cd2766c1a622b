#include "stage1/executor/id_map.h"

#include <sys/mount.h>

#include "linux/mount.h"
#include "linux/namespaces.h"

namespace gantry::executor {

namespace {

std::string map_text(const std::vector<contract::OciIdMapping>& mappings) {
  std::string text;
  for (const contract::OciIdMapping& line : mappings) {
    text +=
        std::to_string(line.container_id) + " " + std::to_string(line.host_id) + " " + std::to_string(line.size) + "\n";
  }
  return text;
}

}  // namespace

Result<void> map_ids_of_pod(int mount, bool recursive, int pod_user_namespace, const std::string& name) {
  MountChange change;
  change.set = MOUNT_ATTR_IDMAP;
  change.id_map = pod_user_namespace;
  change.recursive = recursive;
  auto changed = change_mount(mount, change, name);
  if (!changed && changed.error().code == EINVAL)
    changed.error().message = "its file system does not support ID-mapped mounts";
  return changed;
}

Result<UniqueFd> own_maps(const contract::OciMount& wanted) {
  if (wanted.uid_mappings.empty() || wanted.gid_mappings.empty()) return UniqueFd();
  return id_map_namespace(map_text(wanted.uid_mappings), map_text(wanted.gid_mappings));
}

Result<void> map_ids(int mount, const contract::OciMount& wanted, const MountOptions& options, int pod_user_namespace) {
  // Without "idmap" a mount with mappings is mapped whole if it is bound whole, as in runc.
  const bool recursive = options.id_map ? options.id_map_recursive : options.recursive;
  auto maps = own_maps(wanted);
  if (!maps) return maps.error();
  if (!maps->valid()) {
    if (pod_user_namespace < 0) {
      return Error{EINVAL, "mount_setattr", wanted.destination,
                   "\"idmap\" needs uidMappings and gidMappings, or a pod with a user namespace"};
    }
    return map_ids_of_pod(mount, recursive, pod_user_namespace, wanted.source);
  }
  return map_ids_of_pod(mount, recursive, maps->get(), wanted.source);
}

}  // namespace gantry::executor
