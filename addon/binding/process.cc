#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "binding/convert.h"
#include "binding/sections.h"
#include "linux/cgroup.h"
#include "linux/cgroup_entry.h"
#include "linux/cgroup_make.h"
#include "linux/exec_replace.h"
#include "linux/own_executable.h"
#include "linux/vfork_spawn.h"

namespace gantry::binding {

namespace {

// Node raised RLIMIT_NOFILE's soft limit to the hard one before we were loaded. `bin/gantry` notes in GANTRY_NOFILE what
// it was started with; without that, the kernel's default, which is also what systemd hands to services.
rlim_t inherited_nofile() {
  const char* text = std::getenv("GANTRY_NOFILE");
  const unsigned long long value = text == nullptr ? 0 : std::strtoull(text, nullptr, 10);
  if (text != nullptr && std::string(text) == "unlimited") return RLIM_INFINITY;
  return value == 0 ? 1024 : static_cast<rlim_t>(value);
}

Napi::Value spawn(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  SpawnRequest request;
  request.argv = arguments.texts(0);
  request.env = arguments.texts(1);
  request.fds = arguments.numbers(2);
  if (info.Length() > 3) {
    request.cgroup = arguments.number(3);
    request.executable = arguments.number(4);
  }
  if (!arguments.ok()) return info.Env().Undefined();
  request.nofile_soft = inherited_nofile();
  return settle(info.Env(), vfork_spawn(request));
}

Napi::Value pin_executable(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const auto path = arguments.text(0);
  if (!arguments.ok()) return info.Env().Undefined();
  auto fd = executable_in_read_only_mount(path);
  if (!fd) return settle<void>(info.Env(), fd.error());
  return settle<int>(info.Env(), fd->release());
}

// The hierarchies do not change while a server runs; /proc/self/mountinfo is long where there are many pods.
const CgroupHierarchy* unified_hierarchy() {
  static auto all = cgroup_hierarchies();
  if (!all) return nullptr;
  const auto found = std::find_if(all->begin(), all->end(), [](const auto& hierarchy) { return hierarchy.v2; });
  return found == all->end() ? nullptr : &*found;
}

Napi::Value make_unified_cgroup(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const auto path = arguments.text(0);
  if (!arguments.ok()) return info.Env().Undefined();
  const CgroupHierarchy* hierarchy = unified_hierarchy();
  if (hierarchy == nullptr) return info.Env().Undefined();
  auto made = cgroup_make_path(*hierarchy, path);
  if (!made) return settle<void>(info.Env(), made.error());
  CgroupEntry entry;
  if (auto opened = entry.set_unified(made->directory); !opened) return settle<void>(info.Env(), opened.error());
  auto result = Napi::Object::New(info.Env());
  result.Set("fd", entry.release_unified());
  result.Set("isNew", made->fresh);
  result.Set("newParents", static_cast<int>(made->parents.size()));
  return result;
}

Napi::Value reap(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int pid = arguments.number(0);
  if (!arguments.ok()) return info.Env().Undefined();
  auto status = reap_child(pid);
  if (!status) return settle<void>(info.Env(), status.error());
  return *status ? to_js(info.Env(), **status) : info.Env().Undefined();
}

Napi::Value cgroup_kill_members(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const auto directory = arguments.text(0);
  if (!arguments.ok()) return info.Env().Undefined();
  cgroup_signal(directory, SIGKILL);
  return info.Env().Undefined();
}

Napi::Value exec_replace_now(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  ExecRequest request;
  request.path = arguments.text(0);
  request.argv = arguments.texts(1);
  request.env = arguments.texts(2);
  request.keep_fds = arguments.numbers(3);
  if (!arguments.ok()) return info.Env().Undefined();
  request.nofile_soft = inherited_nofile();
  return settle<void>(info.Env(), exec_replace(request));
}

Napi::Value socket_pair(const Napi::CallbackInfo& info) {
  std::array<int, 2> fds{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()) != 0) {
    return settle<void>(info.Env(), errno_error("socketpair"));
  }
  auto pair = Napi::Array::New(info.Env(), 2);
  pair.Set(0u, fds[0]);
  pair.Set(1u, fds[1]);
  return pair;
}

Napi::Value close_fd(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int fd = arguments.number(0);
  if (!arguments.ok()) return info.Env().Undefined();
  if (::close(fd) != 0 && errno != EINTR) return settle<void>(info.Env(), errno_error("close", std::to_string(fd)));
  return info.Env().Undefined();
}

}  // namespace

void add_process(Napi::Env env, Napi::Object exports) {
  add_function(env, exports, "spawn", spawn);
  add_function(env, exports, "reap", reap);
  add_function(env, exports, "cgroupKillMembers", cgroup_kill_members);
  add_function(env, exports, "execReplace", exec_replace_now);
  add_function(env, exports, "pinExecutable", pin_executable);
  add_function(env, exports, "makeUnifiedCgroup", make_unified_cgroup);
  add_function(env, exports, "socketPair", socket_pair);
  add_function(env, exports, "closeFd", close_fd);
}

}  // namespace gantry::binding
