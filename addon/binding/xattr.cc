#include "linux/xattr.h"

#include "binding/convert.h"
#include "binding/sections.h"

namespace gantry::binding {

namespace {

Napi::Value xattr_get(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const auto path = arguments.text(0);
  const auto name = arguments.text(1);
  if (!arguments.ok()) return info.Env().Undefined();
  const auto value = get_xattr(path, name);
  if (value.ok() && !value.value().has_value()) return info.Env().Undefined();
  if (!value.ok()) return settle<std::string>(info.Env(), value.error());
  return settle<std::string>(info.Env(), *value.value());
}

}  // namespace

void add_xattr(Napi::Env env, Napi::Object exports) {
  add_function(env, exports, "xattrGet", xattr_get);
}

}  // namespace gantry::binding
