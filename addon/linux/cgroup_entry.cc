#include "linux/cgroup_entry.h"

#include <fcntl.h>
#include <unistd.h>

namespace gantry {

Result<void> CgroupEntry::add(const std::string& directory) {
  UniqueFd tasks(::open((directory + "/tasks").c_str(), O_WRONLY | O_CLOEXEC));
  if (!tasks.valid()) return errno_error("open", directory + "/tasks");
  seats_.push_back({std::move(tasks), directory});
  return {};
}

Result<void> CgroupEntry::set_unified(const std::string& directory) {
  unified_.reset(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!unified_.valid()) return errno_error("open", directory);
  return {};
}

Result<void> CgroupEntry::enter() const {
  for (const Seat& seat : seats_) {
    ssize_t put;
    do put = ::write(seat.tasks.get(), "0", 1);
    while (put < 0 && errno == EINTR);
    if (put < 0) return errno_error("write", seat.directory + "/tasks", "the kernel does not let the process in");
  }
  return {};
}

void CgroupEntry::append_to(std::vector<int>& keep) const {
  for (const Seat& seat : seats_) keep.push_back(seat.tasks.get());
}

}  // namespace gantry
