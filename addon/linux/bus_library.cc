#include "linux/bus_library.h"

#include <dlfcn.h>

namespace gantry {

namespace {

struct Loaded {
  BusLibrary library;
  std::string problem;
};

template <typename Function>
void resolve(void* handle, const char* name, Function& function, std::string& problem) {
  function = reinterpret_cast<Function>(::dlsym(handle, name));
  if (function == nullptr) problem = std::string("libsystemd.so.0 has no ") + name;
}

Loaded load() {
  Loaded loaded;
  auto& [library, problem] = loaded;
  void* handle = ::dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL);  // stays loaded as long as the process
  if (handle == nullptr) {
    problem = std::string(::dlerror()) + "; install libsystemd0, or use the cgroup driver cgroupfs";
    return loaded;
  }
  resolve(handle, "sd_bus_new", library.create, problem);
  resolve(handle, "sd_bus_set_address", library.set_address, problem);
  resolve(handle, "sd_bus_set_bus_client", library.set_bus_client, problem);
  resolve(handle, "sd_bus_start", library.start, problem);
  resolve(handle, "sd_bus_flush_close_unref", library.flush_close_unref, problem);
  resolve(handle, "sd_bus_get_fd", library.get_fd, problem);
  resolve(handle, "sd_bus_get_events", library.get_events, problem);
  resolve(handle, "sd_bus_get_timeout", library.get_timeout, problem);
  resolve(handle, "sd_bus_process", library.process, problem);
  resolve(handle, "sd_bus_call_async", library.call_async, problem);
  resolve(handle, "sd_bus_add_filter", library.add_filter, problem);
  resolve(handle, "sd_bus_message_new_method_call", library.new_method_call, problem);
  resolve(handle, "sd_bus_message_unref", library.unref, problem);
  resolve(handle, "sd_bus_message_append_basic", library.append_basic, problem);
  resolve(handle, "sd_bus_message_open_container", library.open_container, problem);
  resolve(handle, "sd_bus_message_close_container", library.close_container, problem);
  resolve(handle, "sd_bus_message_peek_type", library.peek_type, problem);
  resolve(handle, "sd_bus_message_read_basic", library.read_basic, problem);
  resolve(handle, "sd_bus_message_enter_container", library.enter_container, problem);
  resolve(handle, "sd_bus_message_exit_container", library.exit_container, problem);
  resolve(handle, "sd_bus_message_get_type", library.get_type, problem);
  resolve(handle, "sd_bus_message_get_errno", library.get_errno, problem);
  resolve(handle, "sd_bus_message_get_error", library.get_error, problem);
  resolve(handle, "sd_bus_message_get_path", library.get_path, problem);
  resolve(handle, "sd_bus_message_get_interface", library.get_interface, problem);
  resolve(handle, "sd_bus_message_get_member", library.get_member, problem);
  return loaded;
}

}  // namespace

Result<const BusLibrary*> bus_library() {
  static const Loaded loaded = load();
  if (!loaded.problem.empty()) return Error{EOPNOTSUPP, "load libsystemd", "", loaded.problem};
  return &loaded.library;
}

}  // namespace gantry
