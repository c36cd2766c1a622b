#include "stage1/executor/volumes.h"

#include <fcntl.h>

#include "linux/path_handle.h"
#include "linux/tree_copy.h"

namespace gantry::executor {

namespace {

bool is_absent(const Error& error) { return error.code == ENOENT || error.code == ENOTDIR || error.code == ELOOP; }

Result<void> fill(AppSetup& setup, size_t index) {
  const contract::AppVolume& volume = setup.request.app.volumes[index];
  auto mount = setup.host->volume(index);
  if (!mount) return mount.error();
  auto target = open_directory_at(mount->get(), volume.directory);
  if (!target) return target.error();
  auto source = setup.root->open(volume.destination, O_RDONLY | O_DIRECTORY);
  if (!source) return is_absent(source.error()) ? Result<void>() : source.error();
  auto empty = is_empty_directory(target->get(), volume.directory);
  if (!empty) return empty.error();
  return *empty ? copy_whole_tree(source->get(), target->get(), volume.destination) : Result<void>();
}

}  // namespace

Result<void> fill_volumes(AppSetup& setup) {
  for (size_t index = 0; index < setup.request.app.volumes.size(); ++index) {
    auto filled = fill(setup, index);
    if (filled) continue;
    const Error& why = filled.error();
    return Error{why.code, "fill volume", setup.request.app.volumes[index].destination, why.describe()};
  }
  return {};
}

}  // namespace gantry::executor
