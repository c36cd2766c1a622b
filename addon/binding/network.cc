#include "binding/convert.h"
#include "binding/sections.h"
#include "linux/netlink_conntrack.h"
#include "linux/netlink_link.h"
#include "linux/nft.h"

namespace gantry::binding {

namespace {

Napi::Value bridge_ensure(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  BridgeRequest request;
  request.name = arguments.member_text(0, "name");
  request.mac = arguments.member_text(0, "mac");
  request.alias = arguments.member_text(0, "alias");
  request.mtu = static_cast<uint32_t>(arguments.member_number(0, "mtu"));
  request.addresses = arguments.member_texts(0, "addresses");
  request.ports = arguments.member_texts(0, "ports");
  if (!arguments.ok()) return info.Env().Undefined();
  return PromiseWork<void>::start(info.Env(), [=] { return ensure_bridge(request); });
}

Napi::Value pod_link_create(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  PodLinkRequest request;
  request.bridge = arguments.member_text(0, "bridge");
  request.host_name = arguments.member_text(0, "hostName");
  request.alias = arguments.member_text(0, "alias");
  request.netns = arguments.member_text(0, "netns");
  request.pod_name = arguments.member_text(0, "podName");
  request.mac = arguments.member_text(0, "mac");
  request.mtu = static_cast<uint32_t>(arguments.member_number(0, "mtu"));
  request.addresses = arguments.member_texts(0, "addresses");
  request.gateways = arguments.member_texts(0, "gateways");
  if (!arguments.ok()) return info.Env().Undefined();
  return PromiseWork<void>::start(info.Env(), [=] { return create_pod_link(request); });
}

Napi::Value link_delete(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const auto name = arguments.text(0);
  if (!arguments.ok()) return info.Env().Undefined();
  return PromiseWork<void>::start(info.Env(), [=] { return delete_link(name); });
}

Napi::Value link_find(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const auto name = arguments.text(0);
  if (!arguments.ok()) return info.Env().Undefined();
  const auto found = find_link(name);
  if (!found) return settle<void>(info.Env(), found.error());
  if (!found.value()) return info.Env().Undefined();
  const LinkInfo& link = *found.value();
  auto result = Napi::Object::New(info.Env());
  result.Set("index", link.index);
  result.Set("kind", link.kind);
  result.Set("alias", link.alias);
  result.Set("mac", link.mac);
  result.Set("mtu", link.mtu);
  result.Set("master", link.master);
  result.Set("up", link.up);
  return result;
}

Napi::Value address_list(const Napi::CallbackInfo& info) {
  const auto found = list_addresses();
  if (!found) return settle<void>(info.Env(), found.error());
  auto result = Napi::Array::New(info.Env());
  for (const auto& address : found.value()) {
    auto entry = Napi::Object::New(info.Env());
    entry.Set("link", address.link);
    entry.Set("address", address.address);
    result.Set(result.Length(), entry);
  }
  return result;
}

Napi::Value default_mtu(const Napi::CallbackInfo& info) {
  const auto mtu = default_route_mtu();
  if (!mtu) return settle<void>(info.Env(), mtu.error());
  return Napi::Number::New(info.Env(), mtu.value());
}

Napi::Value nft(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const auto commands = arguments.text(0);
  const bool json = info[1].IsBoolean() && info[1].As<Napi::Boolean>().Value();
  if (!arguments.ok()) return info.Env().Undefined();
  return PromiseWork<std::string>::start(info.Env(), [=] { return run_nft(commands, json); });
}

Napi::Value udp_flows_forget(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  std::vector<uint16_t> ports;
  for (const int port : arguments.numbers(0)) ports.push_back(static_cast<uint16_t>(port));
  if (!arguments.ok()) return info.Env().Undefined();
  return PromiseWork<void>::start(info.Env(), [=] { return forget_udp_flows(ports); });
}

}  // namespace

void add_network(Napi::Env env, Napi::Object exports) {
  add_function(env, exports, "bridgeEnsure", bridge_ensure);
  add_function(env, exports, "podLinkCreate", pod_link_create);
  add_function(env, exports, "linkDelete", link_delete);
  add_function(env, exports, "linkFind", link_find);
  add_function(env, exports, "addressList", address_list);
  add_function(env, exports, "defaultRouteMtu", default_mtu);
  add_function(env, exports, "nft", nft);
  add_function(env, exports, "udpFlowsForget", udp_flows_forget);
}

}  // namespace gantry::binding
