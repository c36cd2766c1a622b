#include "stage1/keeper/resource_files.h"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <utility>

namespace gantry::keeper {

namespace {

// How the kernel refuses what is no value, or none that this host has room for.
bool says_bad_value(int code) {
  constexpr int codes[] = {EINVAL, ERANGE, E2BIG, EOVERFLOW, ENODEV};
  return std::ranges::find(codes, code) != std::end(codes);
}

}  // namespace

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

std::string ResourceFiles::of_parent(std::string_view controller, const std::string& file, const std::string& other) const {
  const CgroupPlace* place = cgroup_.with(controller);
  if (place == nullptr) return {};
  const std::string parent = place->directory.substr(0, place->directory.rfind('/'));
  auto text = cgroup_read(parent, file);
  if (!text) text = cgroup_read(parent, other);
  return text.ok() ? text->substr(0, text->find('\n')) : std::string();
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

void ResourceFiles::write_named(std::string_view controller, const std::string& file, const std::string& value,
                                const std::string& remedy) {
  if (!has_file(controller, file)) return refuse(remedy);
  write(controller, file, value);
}

void ResourceFiles::fail(Error error) {
  if (error_) return;
  const int code = says_bad_value(error.code) ? EINVAL : error.code;
  error_ = Error{code, "set", member_, error.describe()};
}

void ResourceFiles::refuse(std::string why) {
  if (!error_) error_ = Error{EINVAL, "set", member_, std::move(why)};
}

Result<void> ResourceFiles::result() {
  if (error_) return std::move(*error_);
  return {};
}

}  // namespace gantry::keeper
