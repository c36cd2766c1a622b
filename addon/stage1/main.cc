// gantry-stage1: one process a pod. `run` is the supervisor.
#include <malloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "linux/descriptor_limit.h"
#include "linux/own_executable.h"
#include "linux/own_title.h"
#include "linux/socket.h"
#include "stage1/keeper/pod.h"
#include "stage1/keeper/standard_error.h"

namespace {

constexpr int usage_error = 64;

int usage() {
  gantry::keeper::say_on_standard_error(
      "usage: gantry-stage1 run --pod-dir DIR [--lock-fd N] [--control-fd N] [--made-parents N] | gantry-stage1 --version");
  return usage_error;
}

// A descriptor's number; -1 when it is none.
int number_of(std::string_view text) {
  int number = 0;
  if (text.empty() || text.size() > 7) return -1;
  for (const char digit : text) {
    if (digit < '0' || digit > '9') return -1;
    number = number * 10 + (digit - '0');
  }
  return number;
}

bool take_descriptor(std::string_view text, gantry::UniqueFd& out) {
  const int fd = number_of(text);
  if (fd < 3 || !gantry::set_close_on_exec(fd).ok()) return false;
  out.reset(fd);
  return true;
}

// One small heap: the pod's supervisor is to cost less than a mebibyte.
void keep_heap_small() {
  ::mallopt(M_ARENA_MAX, 1);
  ::mallopt(M_MMAP_THRESHOLD, 64 << 10);
  ::mallopt(M_TRIM_THRESHOLD, 64 << 10);
  ::mallopt(M_TOP_PAD, 16 << 10);
}

int run(int count, char** arguments, char** whole_command) {
  // First of all: descriptors that are to be inherited still are.
  if (auto safe = gantry::run_from_read_only_mount(whole_command); !safe.ok()) {
    gantry::keeper::say_on_standard_error("running from the writable file: " + safe.error().describe());
  }
  gantry::keeper::LaunchOptions options;
  for (int at = 0; at + 1 < count; at += 2) {
    const std::string_view name = arguments[at];
    const std::string_view value = arguments[at + 1];
    if (name == "--pod-dir") {
      options.pod_dir = value;
    } else if (name == "--lock-fd" || name == "--control-fd") {
      if (!take_descriptor(value, name == "--lock-fd" ? options.lock : options.control)) {
        gantry::keeper::say_on_standard_error(std::string(name) + " " + std::string(value) + " is no open descriptor above 2");
        return usage_error;
      }
    } else if (name == "--made-parents") {
      options.made_parents = number_of(value);
      if (options.made_parents < 0) return usage();
    } else {
      return usage();
    }
  }
  if (count % 2 != 0 || options.pod_dir.empty() || options.pod_dir[0] != '/') return usage();
  ::umask(022);
  gantry::raise_descriptor_limit();
  return gantry::keeper::Pod::run(std::move(options));
}

}  // namespace

int main(int count, char** arguments) {
  keep_heap_small();
  gantry::remember_arguments(count, arguments);
  const std::string_view verb = count > 1 ? arguments[1] : "";
  if (verb == "run") return run(count - 2, arguments + 2, arguments);
  if (verb == "--version") {
    constexpr std::string_view version = "gantry-stage1 " GANTRY_VERSION "\n";
    return ::write(1, version.data(), version.size()) < 0 ? 1 : 0;
  }
  return usage();
}
