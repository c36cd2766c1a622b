#include "stage1/executor/image_volume.h"

#include <fcntl.h>

#include <charconv>
#include <string_view>

#include "linux/clone_process.h"
#include "linux/kernel_age.h"
#include "linux/mount.h"
#include "linux/namespaces.h"
#include "linux/packet_socket.h"
#include "linux/path_handle.h"
#include "linux/root_dir.h"
#include "stage1/executor/id_map.h"
#include "stage1/executor/root_switch.h"
#include "stage1/executor/rootfs.h"
#include "stage1/executor/sync.h"

namespace gantry::executor {

namespace {

constexpr std::string_view source_prefix = "gantry:image/";

const contract::ImageVolume* find_volume(const contract::AppManifest& app, const std::string& source) {
  const char* const end = source.data() + source.size();
  size_t index = 0;
  const auto parsed = std::from_chars(source.data() + source_prefix.size(), end, index);
  const bool known = parsed.ec == std::errc() && parsed.ptr == end && index < app.image_volumes.size();
  return known ? &app.image_volumes[index] : nullptr;
}

Result<UniqueFd> whole_image(const contract::ImageVolume& volume, const contract::AppManifest& app, int user,
                             const std::string& label) {
  contract::AppRootfs rootfs;
  rootfs.layers = volume.layers;
  return make_rootfs(rootfs, {app.directory, user, label});
}

Result<UniqueFd> clone_part(const RootDir& image, const std::string& path) {
  auto part = image.open(path, O_PATH);
  if (!part) return part.error();
  return clone_mount(part->get(), "", false);
}

// The same in a mount namespace of its own, where the image is attached.
[[noreturn]] void hand_part_over(const RootDir& image, const std::string& path, int socket) {
  const auto steps = [&]() -> Result<UniqueFd> {
    GANTRY_TRY(new_namespaces(CLONE_NEWNS));
    GANTRY_TRY(attach_new_root(image.fd()));
    return clone_part(image, path);
  };
  auto part = steps();
  if (part) {
    (void)send_packet(socket, "+", part->get());
  } else {
    (void)send_packet(socket, "-" + encode_error(part.error()));
  }
  exit_now(0);
}

// Kernels from 6.15 clone a part of a mount that is attached nowhere; older ones only of an attached one: a process that
// ends at once attaches it.
Result<UniqueFd> part_of(const RootDir& image, const std::string& path) {
  if (!pretend_old_kernel) {
    auto part = clone_part(image, path);
    if (part || part.error().code != EINVAL) return part;
  }
  auto pair = packet_socket_pair();
  if (!pair) return pair.error();
  auto child = clone_process(0);
  if (!child) return child.error();
  if (child->pid == 0) hand_part_over(image, path, pair->second.get());
  pair->second.reset();
  auto answer = receive_packet(pair->first.get());
  GANTRY_TRY(wait_for(child->pid));
  if (!answer) return answer.error();
  if (answer->bytes[0] == '-') return decode_error(std::string_view(answer->bytes).substr(1));
  return std::move(answer->fd);
}

Result<UniqueFd> make_volume(const PodSandbox& sandbox, const contract::AppManifest& app,
                             const contract::OciMount& wanted, const std::string& label) {
  const contract::ImageVolume* volume = find_volume(app, wanted.source);
  if (volume == nullptr) return Error{EINVAL, "open", wanted.source, "app.json has no such image volume"};
  auto maps = own_maps(wanted);
  if (!maps) return maps.error();
  auto image = whole_image(*volume, app, maps->valid() ? maps->get() : sandbox.user.get(), label);
  if (!image || volume->sub_path.empty()) return image;
  return part_of(RootDir(std::move(*image)), volume->sub_path);
}

}  // namespace

bool is_image_volume(const contract::OciMount& wanted) { return wanted.source.starts_with(source_prefix); }

Result<UniqueFd> image_volume_source(const PodSandbox& sandbox, const contract::AppManifest& app,
                                     const contract::OciMount& wanted, const std::string& label) {
  auto mount = make_volume(sandbox, app, wanted, label);
  if (mount) return mount;
  const Error& why = mount.error();
  return Error{why.code, "mount image volume", wanted.destination, why.describe()};
}

}  // namespace gantry::executor
