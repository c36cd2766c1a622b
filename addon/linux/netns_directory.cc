#include "linux/netns_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "linux/mount.h"
#include "linux/unique_fd.h"

namespace gantry {

namespace {

// EINVAL where `path` is no mount point.
bool make_shared(const std::string& path) { return ::mount(nullptr, path.c_str(), nullptr, MS_SHARED, nullptr) == 0; }

Result<void> make_directories(const std::string& path) {
  for (size_t end = 1; end != std::string::npos;) {
    end = path.find('/', end + 1);
    const std::string parent = path.substr(0, end);
    if (::mkdir(parent.c_str(), 0755) < 0 && errno != EEXIST) return errno_error("mkdir", parent);
  }
  return {};
}

// Before Linux 5.12 the mount is a peer of the one that it lies on if that one is shared, as ip-netns(8) makes it on any
// kernel: each namespace then has a second mount, hidden below.
Result<void> bind_as_peer(const std::string& path) {
  if (::mount(path.c_str(), path.c_str(), nullptr, MS_BIND | MS_REC, nullptr) < 0) return errno_error("bind", path);
  if (!make_shared(path)) return errno_error("mount", path, "making it shared");
  return {};
}

// A peer group of its own: it is shared before it is attached, so that its copies in other mount namespaces belong to it.
Result<void> bind_as_own_group(int directory, const std::string& path) {
  auto mount = clone_mount(directory, "", true);
  if (!mount) return std::move(mount.error());
  for (const uint64_t propagation : {MS_PRIVATE, MS_SHARED}) {
    mount_attr change{};
    change.propagation = propagation;
    if (::mount_setattr(mount->get(), "", AT_EMPTY_PATH | AT_RECURSIVE, &change, sizeof change) == 0) continue;
    return errno_error("mount_setattr", path);
  }
  return attach_mount(mount->get(), directory, path);
}

}  // namespace

Result<void> make_netns_directory(const std::string& path, bool old_kernel) {
  if (make_shared(path)) return {};
  if (errno == ENOENT) {
    GANTRY_TRY(make_directories(path));
  } else if (errno != EINVAL) {
    return errno_error("mount", path, "making it shared");
  }
  const UniqueFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) return errno_error("open", path);
  // ip-netns(8) takes this lock too: of two at once, one binds and the other finds it done.
  if (::flock(directory.get(), LOCK_EX) < 0) return errno_error("flock", path);
  if (make_shared(path)) return {};
  if (!old_kernel) {
    auto bound = bind_as_own_group(directory.get(), path);
    if (bound || bound.error().code != ENOSYS) return bound;
  }
  return bind_as_peer(path);
}

}  // namespace gantry
