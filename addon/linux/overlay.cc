#include "linux/overlay.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "linux/kernel_age.h"
#include "linux/mount.h"

namespace gantry {

namespace {

// Without "volatile", unmounting would sync the whole file system that `upper` is on. The mark that it leaves says "not
// to be trusted after a crash"; it is ours to remove, since within one boot nothing is lost.
void remove_volatile_mark(const std::string& work) {
  const std::string mark = work + "/work/incompat/volatile";
  ::unlink((mark + "/dirty").c_str());
  ::rmdir(mark.c_str());
}

Result<void> make_directory(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) < 0 && errno != EEXIST) return errno_error("mkdir", path);
  return {};
}

Result<void> prepare_upper(const OverlayLayer& top, const std::string& writable) {
  GANTRY_TRY(make_directory(writable + "/work", 0700));
  remove_volatile_mark(writable + "/work");
  const std::string upper = writable + "/upper";
  if (::mkdir(upper.c_str(), 0755) < 0) {
    if (errno == EEXIST) return {};
    return errno_error("mkdir", upper);
  }
  // The root directory of an overlay is its upper's: the topmost layer's owner, and a mode that locks nobody out, whatever
  // the layer says of its own root (docs/decisions/0010-root-directory.md).
  struct stat status {};
  const int failed = top.mount.valid() ? ::fstat(top.mount.get(), &status) : ::stat(top.path.c_str(), &status);
  if (failed < 0) return errno_error("stat", top.path);
  if (::chown(upper.c_str(), status.st_uid, status.st_gid) < 0) return errno_error("chown", upper);
  if (::chmod(upper.c_str(), 0755) < 0) return errno_error("chmod", upper);
  return {};
}

// Linux ≥ 6.5 takes layers one by one; mounts by descriptor since 6.13.
Result<void> add_each(FsContext& overlay, const std::vector<OverlayLayer>& lower) {
  for (const OverlayLayer& layer : lower) {
    GANTRY_TRY(layer.mount.valid() ? overlay.set_descriptor("lowerdir+", layer.mount.get())
                                   : overlay.set_string("lowerdir+", layer.path));
  }
  return {};
}

// Older kernels take them in one word of at most 255 bytes: a directory of links whose names have one byte each makes
// room for 127 layers. It is a tmpfs that is attached nowhere, entered as the working directory.
class LinkDirectory {
 public:
  static Result<LinkDirectory> make() {
    auto context = FsContext::open("tmpfs");
    if (!context) return context.error();
    auto mount = context->create(0);
    if (!mount) return mount.error();
    UniqueFd before(::open(".", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (::fchdir(mount->get()) < 0) return errno_error("fchdir", "tmpfs");
    return LinkDirectory(std::move(*mount), std::move(before));
  }
  LinkDirectory(LinkDirectory&&) = default;
  ~LinkDirectory() {
    if (before_.valid()) (void)!::fchdir(before_.get());
  }
  // The name of a new link to `path`.
  Result<std::string> link(const std::string& path) {
    constexpr std::string_view special = "/:,\\.";
    do {
      ++next_;
    } while (special.find(static_cast<char>(next_)) != std::string_view::npos);
    if (next_ > 255) return Error{E2BIG, "mount", "overlay", "this kernel stacks at most 127 layers"};
    std::string name(1, static_cast<char>(next_));
    if (::symlink(path.c_str(), name.c_str()) < 0) return errno_error("symlink", path);
    return name;
  }

 private:
  LinkDirectory(UniqueFd mount, UniqueFd before) : mount_(std::move(mount)), before_(std::move(before)) {}
  UniqueFd mount_, before_;
  int next_ = ' ';
};

Result<void> add_all_at_once(FsContext& overlay, LinkDirectory& links, const std::vector<OverlayLayer>& lower) {
  std::string all;
  for (const OverlayLayer& layer : lower) {
    auto name = links.link(layer.path);
    if (!name) return name.error();
    all += (all.empty() ? "" : ":") + *name;
  }
  return overlay.set_string("lowerdir", all);
}

Result<UniqueFd> finish(FsContext& overlay, const std::string& writable, const std::string& context) {
  if (!writable.empty()) {
    GANTRY_TRY(overlay.set_string("upperdir", writable + "/upper"));
    GANTRY_TRY(overlay.set_string("workdir", writable + "/work"));
    GANTRY_TRY(overlay.set_flag("volatile"));
    // An index would pin the layers to one mount of one host.
    GANTRY_TRY(overlay.set_string("index", "off"));
  }
  GANTRY_TRY(overlay.set_string("source", "overlay"));
  if (!context.empty()) GANTRY_TRY(overlay.set_string("context", context));
  return overlay.create(0);
}

Result<UniqueFd> try_mount(const std::vector<OverlayLayer>& lower, const std::string& writable,
                           const std::string& context, bool one_by_one) {
  auto overlay = FsContext::open("overlay");
  if (!overlay) return overlay.error();
  if (one_by_one) {
    GANTRY_TRY(add_each(*overlay, lower));
    return finish(*overlay, writable, context);
  }
  auto links = LinkDirectory::make();
  if (!links) return links.error();
  GANTRY_TRY(add_all_at_once(*overlay, *links, lower));
  return finish(*overlay, writable, context);
}

}  // namespace

Result<UniqueFd> mount_overlay(const std::vector<OverlayLayer>& lower, const std::string& writable,
                               const std::string& context) {
  if (!writable.empty()) GANTRY_TRY(prepare_upper(lower.front(), writable));
  const int refusal = lower.front().mount.valid() ? EOPNOTSUPP : EINVAL;
  auto mount = pretend_old_kernel ? Result<UniqueFd>(Error{refusal, "mount", "overlay", {}})
                                  : try_mount(lower, writable, context, true);
  // Before 6.5 "lowerdir+" is not known, which shows when it is set or only when the superblock is made.
  if (mount || mount.error().code != EINVAL || lower.front().mount.valid()) return mount;
  auto older = try_mount(lower, writable, context, false);
  return older || pretend_old_kernel ? std::move(older) : std::move(mount);
}

}  // namespace gantry
