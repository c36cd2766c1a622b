#include "stage1/executor/devices.h"

#include <fcntl.h>
#include <sys/sysmacros.h>

#include "linux/device_node.h"
#include "linux/mount.h"
#include "stage1/executor/mount_options.h"
#include "stage1/executor/mounts.h"

namespace gantry::executor {

namespace {

using contract::OciDevice;

const OciDevice default_devices[] = {{"/dev/null", "c", 1, 3, {}, {}, {}},    {"/dev/zero", "c", 1, 5, {}, {}, {}},
                                     {"/dev/full", "c", 1, 7, {}, {}, {}},    {"/dev/random", "c", 1, 8, {}, {}, {}},
                                     {"/dev/urandom", "c", 1, 9, {}, {}, {}}, {"/dev/tty", "c", 5, 0, {}, {}, {}}};

bool dev_is_bound(const contract::OciSpec& spec) {
  for (const contract::OciMount& mount : spec.mounts) {
    const bool bound = mount.type == "bind" || parse_mount_options(mount.options).bind;
    if (bound && clean_path(mount.destination) == "/dev") return true;
  }
  return false;
}

Result<mode_t> type_of(const OciDevice& device) {
  if (device.type == "c" || device.type == "u") return S_IFCHR;
  if (device.type == "b") return S_IFBLK;
  if (device.type == "p") return S_IFIFO;
  return Error{EINVAL, "mknod", device.path, "unknown type of device \"" + device.type + "\""};
}

// The host's node with these numbers: at the same path, or where udev links it.
Result<UniqueFd> host_node(AppSetup& setup, const OciDevice& device, mode_t type) {
  const std::string numbers = std::to_string(device.major) + ":" + std::to_string(device.minor);
  Error error{ENOENT, "open", device.path, {}};
  for (const std::string& path : {device.path, (type == S_IFBLK ? "/dev/block/" : "/dev/char/") + numbers}) {
    auto mount = setup.host->path(path, false);
    if (!mount) continue;
    auto status = status_of(mount->get(), path);
    if (!status) return status.error();
    const bool same =
        (status->st_mode & S_IFMT) == type &&
        status->st_rdev == ::makedev(static_cast<unsigned>(device.major), static_cast<unsigned>(device.minor));
    if (same) return mount;
  }
  error.message = "the host has no device " + numbers + " here; in a user namespace devices are bound from the host";
  return error;
}

Result<void> bind_device(AppSetup& setup, const OciDevice& device, mode_t type) {
  auto mount = host_node(setup, device, type);
  if (!mount) return mount.error();
  return attach_at(setup, mount->get(), device.path, RootDir::Kind::file);
}

Result<void> make_device(AppSetup& setup, const OciDevice& device) {
  if (clean_path(device.path) == "/dev/ptmx") return {};  // a link, below
  auto type = type_of(device);
  if (!type) return type.error();
  if (setup.in_user_namespace && *type != S_IFIFO) return bind_device(setup, device, *type);
  auto place = setup.root->place(device.path);
  if (!place) return place.error();
  DeviceNode node{*type | (device.file_mode.value_or(0666) & 07777), static_cast<unsigned>(device.major),
                  static_cast<unsigned>(device.minor), device.uid.value_or(0), device.gid.value_or(0)};
  auto made = make_node(place->directory.get(), place->name, node);
  if (made || made.error().code == EEXIST) return {};
  if (made.error().code == EPERM && *type != S_IFIFO) return bind_device(setup, device, *type);
  made.error().subject = device.path;
  return made;
}

}  // namespace

Result<void> make_devices(AppSetup& setup) {
  if (dev_is_bound(setup.spec)) return {};
  // The document's own come first: a default that is there already stays as it is.
  for (const OciDevice& device : setup.spec.linux.devices) GANTRY_TRY(make_device(setup, device));
  for (const OciDevice& device : default_devices) {
    auto present = setup.root->open(device.path, O_PATH | O_NOFOLLOW);
    if (!present) GANTRY_TRY(make_device(setup, device));
  }
  GANTRY_TRY(setup.root->unlink("/dev/ptmx"));
  GANTRY_TRY(setup.root->symlink("pts/ptmx", "/dev/ptmx"));
  GANTRY_TRY(setup.root->symlink("/proc/self/fd", "/dev/fd"));
  GANTRY_TRY(setup.root->symlink("/proc/self/fd/0", "/dev/stdin"));
  GANTRY_TRY(setup.root->symlink("/proc/self/fd/1", "/dev/stdout"));
  GANTRY_TRY(setup.root->symlink("/proc/self/fd/2", "/dev/stderr"));
  return setup.proc->has("kcore") ? setup.root->symlink("/proc/kcore", "/dev/core") : Result<void>();
}

}  // namespace gantry::executor
