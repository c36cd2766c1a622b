#include "linux/xattr.h"

#include "binding/convert.h"
#include "binding/sections.h"
#include "linux/file_label.h"

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

// Walks a tree, so it runs on the pool.
Napi::Value relabel(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const auto path = arguments.text(0);
  const auto label = arguments.text(1);
  if (!arguments.ok()) return info.Env().Undefined();
  return PromiseWork<void>::start(info.Env(), [=] { return label_tree(path, label); });
}

}  // namespace

void add_xattr(Napi::Env env, Napi::Object exports) {
  add_function(env, exports, "xattrGet", xattr_get);
  add_function(env, exports, "relabel", relabel);
}

}  // namespace gantry::binding
