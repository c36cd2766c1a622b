#include "stage1/executor/mounts.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/vfs.h>

#include <iterator>
#include <string_view>

#include "linux/file_label.h"
#include "linux/mount.h"
#include "linux/tree_copy.h"
#include "stage1/executor/cgroup_mount.h"
#include "stage1/executor/mount_options.h"

namespace gantry::executor {

namespace {

using contract::OciMount;

constexpr uint64_t clearable =
    MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSYMFOLLOW;

// What lxcfs emulates; anything else over a part of /proc would let an image forge what programs read there.
constexpr std::string_view allowed_in_proc[] = {"/proc/cpuinfo",
                                                "/proc/diskstats",
                                                "/proc/meminfo",
                                                "/proc/stat",
                                                "/proc/swaps",
                                                "/proc/uptime",
                                                "/proc/loadavg",
                                                "/proc/slabinfo",
                                                "/proc/sys/kernel/ns_last_pid",
                                                "/proc/sys/crypto/fips_enabled"};

bool is_on_proc(int fd) {
  struct statfs status {};
  return ::fstatfs(fd, &status) == 0 && status.f_type == PROC_SUPER_MAGIC;
}

Result<void> check_destination(const OciMount& wanted, bool source_is_proc) {
  const std::string path = clean_path(wanted.destination);
  if (path == "/") return Error{EINVAL, "mount", wanted.destination, "nothing can be mounted over a container's root"};
  if (path == "/proc" && wanted.type != "proc" && !source_is_proc) {
    return Error{EPERM, "mount", wanted.destination, "only a proc file system can be mounted on /proc"};
  }
  if (!path.starts_with("/proc/")) return {};
  for (const std::string_view allowed : allowed_in_proc) {
    if (path == allowed) return {};
  }
  return Error{EPERM, "mount", wanted.destination, "nothing can be mounted inside of /proc"};
}

// Mount points and devices are still made there.
bool stays_writable_for_now(const OciMount& wanted) {
  return wanted.type == "tmpfs" || clean_path(wanted.destination) == "/dev";
}

// A new file system.
Result<UniqueFd> make_file_system(const AppSetup& setup, const OciMount& wanted, const MountOptions& options,
                                  int existing) {
  auto context = FsContext::open(wanted.type);
  if (!context) return context.error();
  const bool is_tmpfs = wanted.type == "tmpfs";
  if (!wanted.source.empty()) GANTRY_TRY(context->set_string("source", wanted.source));
  // A tmpfs over a directory of the image looks like that directory, unless the options say otherwise.
  if (is_tmpfs && existing >= 0) {
    auto status = status_of(existing, wanted.destination);
    if (!status) return status.error();
    char mode[8];
    std::snprintf(mode, sizeof mode, "%04o", status->st_mode & 07777);
    GANTRY_TRY(context->set_string("mode", mode));
  }
  for (const std::string& flag : options.superblock) GANTRY_TRY(context->set_flag(flag));
  GANTRY_TRY(context->set_options(options.data));
  const std::string& label = setup.spec.linux.mount_label;
  if (!label.empty() && (is_tmpfs || wanted.type == "devpts")) GANTRY_TRY(context->set_string("context", label));
  return context->create(stays_writable_for_now(wanted) ? options.set & ~uint64_t{MOUNT_ATTR_RDONLY} : options.set);
}

struct Source {
  UniqueFd mount;
  bool bound = true;         // of the host's, else a new file system
  bool all_of_host = false;  // bound whole in place of one that could not be made
};

// In a user namespace these three need its owner to own the pod's network, pid or ipc namespace as well; where it does
// not (host network …) the host's own is bound.
Result<Source> file_system_or_host(AppSetup& setup, const OciMount& wanted, const MountOptions& options, int existing) {
  auto mount = make_file_system(setup, wanted, options, existing);
  if (mount) return Source{std::move(*mount), false, false};
  if (!setup.in_user_namespace || mount.error().code != EPERM) return mount.error();
  const char* path = wanted.type == "sysfs"    ? "/sys"
                     : wanted.type == "proc"   ? "/proc"
                     : wanted.type == "mqueue" ? "/dev/mqueue"
                                               : nullptr;
  if (path == nullptr) return mount.error();
  auto bound = setup.host->path(path, true);
  if (!bound) return mount.error();
  return Source{std::move(*bound), true, true};
}

// "mount --bind -o …" as container runtimes mean it: attributes that were not asked for are cleared, unless the kernel
// has locked them for a user namespace.
Result<void> set_attributes(int mount, const MountOptions& options, const std::string& name) {
  if ((options.set | options.clear) != 0) {
    MountChange change;
    change.set = options.set;
    change.clear = (clearable | options.clear) & ~options.set;
    auto changed = change_mount(mount, change, name);
    if (!changed && changed.error().code == EPERM) {
      change.clear = options.clear;
      auto now = mount_attributes(mount);
      if (!now) return now.error();
      if (*now & options.clear & clearable) {
        changed.error().message = "it was asked to clear a mount attribute that the host has locked";
        return changed;
      }
      change.clear = 0;
      changed = change_mount(mount, change, name);
    }
    if (!changed) return changed;
  }
  if ((options.tree_set | options.tree_clear) == 0) return {};
  MountChange change;
  change.set = options.tree_set;
  change.clear = options.tree_clear;
  change.recursive = true;
  return change_mount(mount, change, name);
}

Result<bool> is_shared(const AppSetup& setup, int mount) {
  auto id = mount_id(mount);
  if (!id) return id.error();
  auto text = setup.proc->read("thread-self/mountinfo");
  if (!text) return text.error();
  for (const MountInfo& info : parse_mountinfo(*text)) {
    if (info.id == *id) return info.shared;
  }
  return Error{ENOENT, "mountinfo", std::to_string(*id), ""};
}

// A clone is a peer of its original: to stay one (rshared) there is nothing to do, if the original is shared at all.
Result<void> set_propagation(const AppSetup& setup, int mount, const OciMount& wanted, const MountOptions& options) {
  MountChange change;
  change.propagation = options.propagation;
  change.recursive = options.propagation_recursive;
  if (options.bind && options.propagation == MS_SHARED) {
    auto shared = is_shared(setup, mount);
    if (!shared) return shared.error();
    if (!*shared) {
      return Error{
          EINVAL, "mount", wanted.source,
          "is mounted on the host, but not as a shared mount: mount --make-rshared it for bidirectional propagation"};
    }
  }
  if (change.propagation == 0) {
    // config-linux.md: a container's mounts are private unless they say otherwise.
    change.propagation = MS_PRIVATE;
    change.recursive = true;
  }
  return change_mount(mount, change, wanted.destination);
}

bool is_bind(const OciMount& wanted, const MountOptions& options) {
  return options.bind || wanted.type == "bind" || wanted.type == "rbind";
}

Result<Source> open_source(AppSetup& setup, size_t index, const MountOptions& options, int existing) {
  const OciMount& wanted = setup.spec.mounts[index];
  if (!is_bind(wanted, options)) return file_system_or_host(setup, wanted, options, existing);
  if (wanted.source == pod_shm_source) {
    if (!setup.shm.valid()) {
      return Error{EINVAL, "mount", wanted.destination,
                   "the pod has no /dev/shm of its own (shmSize is 0), or it is mounted already"};
    }
    return Source{std::move(setup.shm), true, false};
  }
  auto mount = setup.host->mount_source(index);
  if (!mount) return mount.error();
  return Source{std::move(*mount), true, false};
}

// proc and sysfs go to a plain directory, never through a link that the image put there.
Result<void> check_plain_directory(const AppSetup& setup, const OciMount& wanted) {
  auto entry = setup.root->open(wanted.destination, O_PATH | O_NOFOLLOW);
  if (!entry) return entry.error().code == ENOENT ? Result<void>() : entry.error();
  auto status = status_of(entry->get(), wanted.destination);
  if (!status) return status.error();
  if (S_ISDIR(status->st_mode)) return {};
  return Error{ENOTDIR, "mount", wanted.destination,
               "a " + wanted.type + " file system can be mounted only on a plain directory"};
}

Result<void> remount(AppSetup& setup, const OciMount& wanted, const MountOptions& options) {
  auto target = setup.root->open(wanted.destination, O_PATH);
  if (!target) return target.error();
  return set_attributes(target->get(), options, wanted.destination);
}

// It takes no context= when it is made. In a user namespace it is the policy's to allow: without, only queues that the
// policy opens to the container's type can be used.
Result<void> label_message_queues(const AppSetup& setup, const Source& source, const OciMount& wanted) {
  const std::string& label = setup.spec.linux.mount_label;
  if (wanted.type != "mqueue" || source.bound || label.empty()) return {};
  auto labelled = label_directory(source.mount.get(), label);
  const bool refused = !labelled && (labelled.error().code == EPERM || labelled.error().code == EACCES);
  return refused && setup.in_user_namespace ? Result<void>() : labelled;
}

// Attributes, once attached. What a new file system has was given to it when it was made.
Result<void> finish_mount(const AppSetup& setup, const Source& source, const OciMount& wanted, MountOptions options) {
  options.bind = source.bound;
  if (source.all_of_host) options.tree_set |= options.set;
  if (source.bound) GANTRY_TRY(set_attributes(source.mount.get(), options, wanted.destination));
  GANTRY_TRY(label_message_queues(setup, source, wanted));
  return set_propagation(setup, source.mount.get(), wanted, options);
}

Result<void> make_mount(AppSetup& setup, size_t index) {
  const OciMount& wanted = setup.spec.mounts[index];
  const MountOptions options = parse_mount_options(wanted.options);
  if (wanted.type == "cgroup" || wanted.type == "cgroup2") return mount_cgroups(setup, wanted, options);
  if (options.remount) return remount(setup, wanted, options);
  if (wanted.type == "proc" || wanted.type == "sysfs") GANTRY_TRY(check_plain_directory(setup, wanted));

  auto existing = setup.root->open(wanted.destination, O_PATH);
  auto source = open_source(setup, index, options, existing ? existing->get() : -1);
  if (!source) return source.error();
  GANTRY_TRY(check_destination(wanted, is_on_proc(source->mount.get())));
  if (options.copy_up && !source->bound && existing)
    GANTRY_TRY(copy_tree(existing->get(), source->mount.get(), wanted.destination));
  auto status = status_of(source->mount.get(), wanted.destination);
  if (!status) return status.error();
  const auto kind = S_ISDIR(status->st_mode) ? RootDir::Kind::directory : RootDir::Kind::file;
  GANTRY_TRY(attach_at(setup, source->mount.get(), wanted.destination, kind));
  GANTRY_TRY(finish_mount(setup, *source, wanted, options));
  if (!source->bound && (options.set & MOUNT_ATTR_RDONLY) && stays_writable_for_now(wanted)) {
    setup.read_only_later.emplace_back(std::move(source->mount), wanted.destination);
  }
  return {};
}

}  // namespace

Result<void> attach_at(const AppSetup& setup, int mount, const std::string& destination, RootDir::Kind kind) {
  auto target = setup.root->ensure(destination, kind);
  if (!target) {
    if (target.error().code == EROFS)
      target.error().message = "the mount point does not exist and the root is read-only";
    return target.error();
  }
  return attach_mount(mount, target->get(), destination);
}

Result<void> make_mounts(AppSetup& setup) {
  for (size_t index = 0; index < setup.spec.mounts.size(); ++index) GANTRY_TRY(make_mount(setup, index));
  return {};
}

Result<void> apply_read_only(AppSetup& setup) {
  MountChange change;
  change.set = MOUNT_ATTR_RDONLY;
  for (const auto& [mount, name] : setup.read_only_later) GANTRY_TRY(change_mount(mount.get(), change, name));
  setup.read_only_later.clear();
  if (setup.spec.root.readonly) return change_mount(setup.root->fd(), change, "/");
  return {};
}

}  // namespace gantry::executor
