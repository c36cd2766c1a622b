#include "binding/convert.h"
#include "binding/sections.h"
#include "linux/netns_connect.h"

namespace gantry::binding {

namespace {

// On loopback an answer comes at once, or not until the listener accepts: the thread pool has few threads for all.
constexpr int connect_patience_ms = 50;

Napi::Value netns_connect(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const auto path = arguments.text(0);
  const auto port = arguments.number(1);
  if (!arguments.ok()) return info.Env().Undefined();
  return PromiseWork<int>::start(info.Env(), [=]() -> Result<int> {
    if (port < 1 || port > 65535) return Error{EINVAL, "connect", std::to_string(port), "no such port"};
    auto connected = connect_in_namespace(path, static_cast<uint16_t>(port), connect_patience_ms);
    if (!connected) return std::move(connected.error());
    return connected->release();
  });
}

}  // namespace

void add_connect(Napi::Env env, Napi::Object exports) { add_function(env, exports, "netnsConnect", netns_connect); }

}  // namespace gantry::binding
