#include "stage1/keeper/resource_files.h"

#include <utility>

namespace gantry::keeper {

bool ResourceFiles::has(std::string_view controller) {
  if (cgroup_.with(controller) != nullptr) return true;
  if (missing_.insert(std::string(controller)).second) {
    warn_("the host has no cgroup controller '" + std::string(controller) + "': its limits are not applied");
  }
  return false;
}

bool ResourceFiles::is_v2(std::string_view controller) const {
  const CgroupPlace* place = cgroup_.with(controller);
  return place != nullptr && place->hierarchy->v2;
}

bool ResourceFiles::has_file(std::string_view controller, const std::string& file) const {
  const CgroupPlace* place = cgroup_.with(controller);
  return place != nullptr && cgroup_has(place->directory, file);
}

std::string ResourceFiles::read(std::string_view controller, const std::string& file) const {
  const CgroupPlace* place = cgroup_.with(controller);
  if (place == nullptr) return {};
  auto text = cgroup_read(place->directory, file);
  return text.ok() ? *text : std::string();
}

Result<void> ResourceFiles::attempt(std::string_view controller, const std::string& file, const std::string& value) {
  if (failed() || !has(controller)) return {};
  return cgroup_write(cgroup_.with(controller)->directory, file, value);
}

void ResourceFiles::write(std::string_view controller, const std::string& file, const std::string& value) {
  auto written = attempt(controller, file, value);
  if (written.ok()) return;
  // No such file: the kernel was built without it, or the controller was not handed down to this cgroup.
  if (written.error().code == ENOENT) {
    if (missing_.insert(file).second) warn_("the host has no cgroup file '" + file + "': " + value + " is not applied");
    return;
  }
  fail(std::move(written.error()));
}

void ResourceFiles::write_if_there(std::string_view controller, const std::string& file, const std::string& value) {
  if (has_file(controller, file)) write(controller, file, value);
}

void ResourceFiles::fail(Error error) {
  if (!error_) error_ = std::move(error);
}

Result<void> ResourceFiles::result() {
  if (error_) return std::move(*error_);
  return {};
}

}  // namespace gantry::keeper
