// The only N-API code of the project. It converts arguments and results, and does nothing by itself: what the functions
// do is in addon/linux.
#include <napi.h>

#include "binding/sections.h"

namespace {

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  gantry::binding::add_lock(env, exports);
  gantry::binding::add_process(env, exports);
  gantry::binding::add_namespace(env, exports);
  gantry::binding::add_connect(env, exports);
  gantry::binding::add_mount(env, exports);
  gantry::binding::add_xattr(env, exports);
  gantry::binding::add_network(env, exports);
  gantry::binding::add_bus(env, exports);
  gantry::binding::add_service(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(gantry, initialize)
