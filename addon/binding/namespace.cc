#include "binding/convert.h"
#include "binding/sections.h"
#include "linux/netns.h"
#include "linux/netns_directory.h"
#include "linux/netns_sysctl.h"
#include "linux/userns.h"

namespace gantry::binding {

namespace {

Napi::Value netns_directory(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const auto path = arguments.text(0);
  const bool old_kernel = info.Length() > 1 && info[1].ToBoolean();
  if (!arguments.ok()) return info.Env().Undefined();
  return PromiseWork<void>::start(info.Env(), [=] { return make_netns_directory(path, old_kernel); });
}

Napi::Value netns_create(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const auto path = arguments.text(0);
  const auto userns = arguments.optional_text(1);
  if (!arguments.ok()) return info.Env().Undefined();
  return PromiseWork<void>::start(info.Env(), [=] { return create_network_namespace(path, userns); });
}

Napi::Value userns_create(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const auto path = arguments.text(0);
  const auto uid_map = arguments.text(1);
  const auto gid_map = arguments.text(2);
  if (!arguments.ok()) return info.Env().Undefined();
  return PromiseWork<void>::start(info.Env(), [=] { return create_user_namespace(path, uid_map, gid_map); });
}

Napi::Value namespace_remove(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const auto path = arguments.text(0);
  if (!arguments.ok()) return info.Env().Undefined();
  return PromiseWork<void>::start(info.Env(), [=] { return remove_namespace(path); });
}

Napi::Value netns_sysctls(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const auto path = arguments.text(0);
  const auto names = arguments.texts(1);
  const auto values = arguments.texts(2);
  if (!arguments.ok()) return info.Env().Undefined();
  return PromiseWork<void>::start(info.Env(), [=]() -> Result<void> {
    if (names.size() != values.size()) return Error{EINVAL, "sysctl", path, "as many values as names"};
    std::vector<std::pair<std::string, std::string>> pairs;
    for (size_t i = 0; i < names.size(); ++i) pairs.emplace_back(names[i], values[i]);
    return write_net_sysctls(path, pairs);
  });
}

}  // namespace

void add_namespace(Napi::Env env, Napi::Object exports) {
  add_function(env, exports, "netnsDirectory", netns_directory);
  add_function(env, exports, "netnsCreate", netns_create);
  add_function(env, exports, "netnsRemove", namespace_remove);
  add_function(env, exports, "netnsSysctls", netns_sysctls);
  add_function(env, exports, "usernsCreate", userns_create);
  add_function(env, exports, "usernsRemove", namespace_remove);
}

}  // namespace gantry::binding
