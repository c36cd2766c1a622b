#include "stage1/executor/masks.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

#include <set>

#include "linux/mount.h"

namespace gantry::executor {

namespace {

bool is_missing(const Error& error) { return error.code == ENOENT || error.code == ENOTDIR; }

Result<UniqueFd> open_null_device(AppSetup& setup) {
  auto mount = setup.host->path("/dev/null", false);
  if (!mount) return mount;
  auto status = status_of(mount->get(), "/dev/null");
  if (!status) return status.error();
  if (S_ISCHR(status->st_mode) && status->st_rdev == ::makedev(1, 3)) return mount;
  return Error{EINVAL, "open", "/dev/null", "is not the null device on this host"};
}

// One empty file system hides all directories.
Result<UniqueFd> make_empty_directory(const AppSetup& setup) {
  auto context = FsContext::open("tmpfs");
  if (!context) return context.error();
  GANTRY_TRY(context->set_options("source=tmpfs,nr_blocks=1,nr_inodes=2"));
  if (!setup.spec.linux.mount_label.empty()) GANTRY_TRY(context->set_string("context", setup.spec.linux.mount_label));
  return context->create(MOUNT_ATTR_RDONLY);
}

// A copy of `mask`, or `mask` itself the first time: only what is attached can be copied on every kernel.
Result<void> cover(UniqueFd& mask, bool& attached, int target, const std::string& path) {
  if (!attached) {
    attached = true;
    return attach_mount(mask.get(), target, path);
  }
  auto copy = clone_mount(mask.get(), "", false);
  if (!copy) return copy.error();
  return attach_mount(copy->get(), target, path);
}

}  // namespace

Result<void> make_paths_read_only(AppSetup& setup) {
  for (const std::string& path : setup.spec.linux.readonly_paths) {
    auto target = setup.root->open(path, O_PATH);
    if (!target && is_missing(target.error())) continue;
    if (!target) return target.error();
    auto mount = clone_mount(target->get(), "", true);
    if (!mount) return mount.error();
    GANTRY_TRY(attach_mount(mount->get(), target->get(), path));
    MountChange change;
    change.set = MOUNT_ATTR_RDONLY;
    GANTRY_TRY(change_mount(mount->get(), change, path));
  }
  return {};
}

Result<void> mask_paths(AppSetup& setup) {
  UniqueFd null, directory;
  bool null_attached = false, directory_attached = false;
  std::set<std::string> done;
  for (const std::string& path : setup.spec.linux.masked_paths) {
    if (!done.insert(clean_path(path)).second) continue;
    auto target = setup.root->open(path, O_PATH);
    if (!target && is_missing(target.error())) continue;
    if (!target) return target.error();
    auto status = status_of(target->get(), path);
    if (!status) return status.error();
    const bool is_directory = S_ISDIR(status->st_mode);
    UniqueFd& mask = is_directory ? directory : null;
    if (!mask.valid()) {
      auto made = is_directory ? make_empty_directory(setup) : open_null_device(setup);
      if (!made) return made.error();
      mask = std::move(*made);
    }
    GANTRY_TRY(cover(mask, is_directory ? directory_attached : null_attached, target->get(), path));
  }
  return {};
}

}  // namespace gantry::executor
