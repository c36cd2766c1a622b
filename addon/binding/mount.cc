#include "binding/convert.h"
#include "binding/sections.h"
#include "linux/erofs_mount.h"
#include "linux/fs_verity.h"

namespace gantry::binding {

namespace {

Napi::Value mount_erofs_now(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const auto file = arguments.text(0);
  const auto target = arguments.text(1);
  if (!arguments.ok()) return info.Env().Undefined();
  return PromiseWork<void>::start(info.Env(), [=] { return mount_erofs(file, target); });
}

Napi::Value unmount(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const auto target = arguments.text(0);
  if (!arguments.ok()) return info.Env().Undefined();
  return PromiseWork<void>::start(info.Env(), [=] { return detach_mount(target); });
}

// Sealing reads the whole file, so it runs on the pool; the caller keeps the descriptor open until the promise settles.
Napi::Value verity_enable(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int fd = arguments.number(0);
  if (!arguments.ok()) return info.Env().Undefined();
  return PromiseWork<void>::start(info.Env(), [=] { return enable_verity(fd); });
}

Napi::Value verity_measure(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int fd = arguments.number(0);
  if (!arguments.ok()) return info.Env().Undefined();
  return settle(info.Env(), measure_verity(fd));
}

}  // namespace

void add_mount(Napi::Env env, Napi::Object exports) {
  add_function(env, exports, "mountErofs", mount_erofs_now);
  add_function(env, exports, "unmount", unmount);
  add_function(env, exports, "fsVerityEnable", verity_enable);
  add_function(env, exports, "fsVerityMeasure", verity_measure);
}

}  // namespace gantry::binding
