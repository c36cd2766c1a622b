#include "binding/convert.h"
#include "binding/sections.h"
#include "linux/ofd_lock.h"

namespace gantry::binding {

namespace {

Napi::Value lock_take(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const auto path = arguments.text(0);
  if (!arguments.ok()) return info.Env().Undefined();
  auto fd = take_ofd_lock(path);
  if (!fd) return settle<int>(info.Env(), std::move(fd.error()));
  return settle<int>(info.Env(), fd->release());
}

Napi::Value lock_held(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const auto path = arguments.text(0);
  if (!arguments.ok()) return info.Env().Undefined();
  return settle(info.Env(), ofd_lock_held(path));
}

}  // namespace

void add_lock(Napi::Env env, Napi::Object exports) {
  add_function(env, exports, "lockTake", lock_take);
  add_function(env, exports, "lockHeld", lock_held);
}

}  // namespace gantry::binding
