#include "stage1/executor/cgroup_mount.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/vfs.h>

#include <string_view>

#include "linux/mount.h"
#include "stage1/executor/mounts.h"

namespace gantry::executor {

namespace {

constexpr const char* cgroup_root = "/sys/fs/cgroup";
constexpr uint64_t usual_attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

// One v1 hierarchy as mounted on the host, and where the container's process is in it.
struct Hierarchy {
  std::string controllers;  // "cpu,cpuacct", "name=systemd"
  std::string directory;    // its mount point's last name
  std::string own_path;     // on the host
};

bool has_word(std::string_view list, std::string_view word) {
  for (size_t begin = 0; begin <= list.size();) {
    const size_t end = std::min(list.find(',', begin), list.size());
    if (list.substr(begin, end - begin) == word) return true;
    begin = end + 1;
  }
  return false;
}

// A line of /proc/self/cgroup: "4:memory:/kubepods/x".
struct CgroupLine {
  std::string controllers, path;
};

std::vector<CgroupLine> parse_own_cgroups(const std::string& text) {
  std::vector<CgroupLine> lines;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const size_t first = text.find(':', begin), second = first == std::string::npos ? first : text.find(':', first + 1);
    if (second != std::string::npos && second < end) {
      lines.push_back({text.substr(first + 1, second - first - 1), text.substr(second + 1, end - second - 1)});
    }
    begin = end + 1;
  }
  return lines;
}

Result<std::vector<Hierarchy>> find_hierarchies(const AppSetup& setup) {
  auto text = setup.proc->read("thread-self/mountinfo");
  if (!text) return text.error();
  const std::vector<MountInfo> mounts = parse_mountinfo(*text);
  std::vector<Hierarchy> found;
  for (const CgroupLine& line : parse_own_cgroups(setup.own_cgroups)) {
    if (line.controllers.empty()) continue;  // v2
    const std::string first = line.controllers.substr(0, line.controllers.find(','));
    for (const MountInfo& mount : mounts) {
      if (mount.type != "cgroup" || !has_word(mount.super_options, first)) continue;
      // A host that is a container itself sees only a part of the hierarchy.
      std::string path = line.path;
      if (mount.root != "/" && path.starts_with(mount.root)) path = path.substr(mount.root.size());
      found.push_back(
          {line.controllers, mount.mountpoint.substr(mount.mountpoint.rfind('/') + 1), mount.mountpoint + path});
      break;
    }
  }
  return found;
}

Result<void> attach_private(const AppSetup& setup, int mount, const std::string& destination) {
  GANTRY_TRY(attach_at(setup, mount, destination, RootDir::Kind::directory));
  MountChange change;
  change.propagation = MS_PRIVATE;
  change.recursive = true;
  return change_mount(mount, change, destination);
}

Result<void> mount_v2(AppSetup& setup, const contract::OciMount& wanted, const MountOptions& options) {
  auto context = FsContext::open("cgroup2");
  if (!context) return context.error();
  GANTRY_TRY(context->set_options(options.data));
  auto mount = context->create(options.set);
  if (mount) return attach_private(setup, mount->get(), wanted.destination);
  if (mount.error().code != EPERM && mount.error().code != EBUSY) return mount.error();
  // A user namespace without a cgroup namespace may not mount it: the host's is bound; with one, the container's own
  // part.
  std::string source = cgroup_root;
  const auto lines = parse_own_cgroups(setup.own_cgroups);
  if (setup.spec.linux.find_namespace("cgroup") != nullptr && !lines.empty()) source += lines.back().path;
  mount = setup.host->path(source, true);
  if (!mount) return mount.error();
  GANTRY_TRY(attach_private(setup, mount->get(), wanted.destination));
  MountChange change;
  change.set = options.set;
  change.recursive = true;
  return change_mount(mount->get(), change, wanted.destination);
}

Result<UniqueFd> open_hierarchy(AppSetup& setup, const Hierarchy& hierarchy, uint64_t attributes) {
  if (setup.spec.linux.find_namespace("cgroup") != nullptr) {
    auto context = FsContext::open("cgroup");
    if (!context) return context.error();
    GANTRY_TRY(context->set_string("source", "cgroup"));
    GANTRY_TRY(context->set_options(hierarchy.controllers));
    return context->create(attributes);
  }
  return setup.host->path(hierarchy.own_path, true);
}

Result<void> attach_hierarchy(AppSetup& setup, const Hierarchy& hierarchy, const RootDir& shelf, uint64_t attributes) {
  auto mount = open_hierarchy(setup, hierarchy, attributes);
  if (!mount) return mount.error();
  auto place = shelf.ensure(hierarchy.directory, RootDir::Kind::directory);
  if (!place) return place.error();
  GANTRY_TRY(attach_mount(mount->get(), place->get(), hierarchy.own_path));
  MountChange change;
  change.set = attributes;
  change.propagation = MS_PRIVATE;
  return change_mount(mount->get(), change, hierarchy.own_path);
}

// "cpu" and "cpuacct" beside "cpu,cpuacct".
Result<void> link_controllers(const std::string& directory, const RootDir& shelf) {
  if (directory.find(',') == std::string::npos) return {};
  for (size_t begin = 0; begin < directory.size();) {
    const size_t end = std::min(directory.find(',', begin), directory.size());
    GANTRY_TRY(shelf.symlink(directory, directory.substr(begin, end - begin)));
    begin = end + 1;
  }
  return {};
}

Result<void> mount_v1(AppSetup& setup, const contract::OciMount& wanted, const MountOptions& options) {
  auto hierarchies = find_hierarchies(setup);
  if (!hierarchies) return hierarchies.error();
  auto context = FsContext::open("tmpfs");
  if (!context) return context.error();
  GANTRY_TRY(context->set_options("source=tmpfs,mode=755"));
  if (!setup.spec.linux.mount_label.empty()) GANTRY_TRY(context->set_string("context", setup.spec.linux.mount_label));
  auto tmpfs = context->create(usual_attributes);
  if (!tmpfs) return tmpfs.error();
  GANTRY_TRY(attach_private(setup, tmpfs->get(), wanted.destination));
  const RootDir shelf(std::move(*tmpfs));
  const uint64_t read_only = options.set & MOUNT_ATTR_RDONLY;
  for (const Hierarchy& hierarchy : *hierarchies) {
    GANTRY_TRY(attach_hierarchy(setup, hierarchy, shelf, usual_attributes | read_only));
    GANTRY_TRY(link_controllers(hierarchy.directory, shelf));
  }
  if (read_only == 0) return {};
  MountChange change;
  change.set = MOUNT_ATTR_RDONLY;
  return change_mount(shelf.fd(), change, wanted.destination);
}

}  // namespace

Result<void> mount_cgroups(AppSetup& setup, const contract::OciMount& wanted, const MountOptions& options) {
  struct statfs status {};
  if (::statfs(cgroup_root, &status) < 0) return errno_error("statfs", cgroup_root);
  return status.f_type == CGROUP2_SUPER_MAGIC ? mount_v2(setup, wanted, options) : mount_v1(setup, wanted, options);
}

}  // namespace gantry::executor
