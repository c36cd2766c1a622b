#include "binding/convert.h"
#include "binding/sections.h"
#include "linux/notify.h"

namespace gantry::binding {

namespace {

Napi::Value notify(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const auto socket = arguments.text(0);
  const auto lines = arguments.text(1);
  if (!arguments.ok()) return info.Env().Undefined();
  return settle<void>(info.Env(), send_notification(socket, lines));
}

}  // namespace

void add_service(Napi::Env env, Napi::Object exports) { add_function(env, exports, "notify", notify); }

}  // namespace gantry::binding
