#include "linux/own_title.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace gantry {

namespace {

struct Area {
  char* begin = nullptr;
  char* end = nullptr;
  [[nodiscard]] size_t size() const { return static_cast<size_t>(end - begin); }
};

Area arguments_area, environment_area;

// The kernel puts the strings of one list behind one another.
Area area_of(char** strings) {
  Area area;
  for (char** entry = strings; entry != nullptr && *entry != nullptr; ++entry) {
    if (area.begin == nullptr) area.begin = area.end = *entry;
    if (*entry != area.end) break;
    area.end = *entry + std::strlen(*entry) + 1;
  }
  return area;
}

}  // namespace

void remember_arguments(int count, char** arguments) {
  if (count < 1) return;
  arguments_area = area_of(arguments);
  environment_area = area_of(environ);
}

void take_title(const char* title) {
  ::prctl(PR_SET_NAME, title, 0, 0, 0);
  if (arguments_area.size() < 2) return;
  environ = nullptr;
  if (environment_area.size() > 0) std::memset(environment_area.begin, 0, environment_area.size());
  std::memset(arguments_area.begin, 0, arguments_area.size());
  const size_t length = std::min(std::strlen(title), arguments_area.size() - 2);
  std::memcpy(arguments_area.begin, title, length);
  // A last byte that is not NUL makes the kernel show the text up to its first NUL, in place of the whole area
  // (setproctitle(3) is what it looks for).
  arguments_area.end[-1] = 1;
}

}  // namespace gantry
