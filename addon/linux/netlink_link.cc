#include "linux/netlink_link.h"

#include "linux/netlink_socket.h"

#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>

#include <array>
#include <cstdio>
#include <cstring>

#include "linux/netlink_address.h"
#include "linux/unique_fd.h"

#include "linux/own_thread.h"

namespace gantry {

namespace {

using Mac = std::array<unsigned char, 6>;

Result<Mac> parse_mac(const std::string& text) {
  Mac mac{};
  if (std::sscanf(text.c_str(), "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4],
                  &mac[5]) != 6) {
    return Error{EINVAL, "parse MAC address", text, ""};
  }
  return mac;
}

std::string format_mac(std::string_view bytes) {
  std::string text;
  char part[4];
  for (const char byte : bytes) {
    std::snprintf(part, sizeof part, text.empty() ? "%02x" : ":%02x", static_cast<unsigned char>(byte));
    text += part;
  }
  return text;
}

ifinfomsg link_header(int index = 0, bool up = false) {
  ifinfomsg header{};
  header.ifi_family = AF_UNSPEC;
  header.ifi_index = index;
  if (up) header.ifi_flags = header.ifi_change = IFF_UP;
  return header;
}

std::string kind_of(const Attribute& link_info) {
  for (const auto& inner : attributes_of(link_info.value)) {
    if (inner.type == IFLA_INFO_KIND) return inner.text();
  }
  return {};
}

LinkInfo parse_link(std::string_view payload) {
  ifinfomsg header{};
  std::memcpy(&header, payload.data(), sizeof header);
  LinkInfo link;
  link.index = header.ifi_index;
  link.up = (header.ifi_flags & IFF_UP) != 0;
  for (const auto& attribute : attributes_of(payload.substr(NLMSG_ALIGN(sizeof header)))) {
    switch (attribute.type) {
      case IFLA_IFALIAS: link.alias = attribute.text(); break;
      case IFLA_ADDRESS: link.mac = format_mac(attribute.value); break;
      case IFLA_MTU: link.mtu = attribute.u32(); break;
      case IFLA_MASTER: link.master = static_cast<int>(attribute.u32()); break;
      case IFLA_LINKINFO: link.kind = kind_of(attribute); break;
      default: break;
    }
  }
  return link;
}

Result<std::optional<LinkInfo>> find_link(NetlinkSocket& socket, const std::string& name) {
  NetlinkMessage message(RTM_GETLINK, 0, "find link", name);
  message.header(link_header()).text(IFLA_IFNAME, name);
  std::optional<LinkInfo> found;
  const auto done = socket.query(std::move(message), [&](uint16_t type, std::string_view payload) {
    if (type == RTM_NEWLINK && payload.size() >= sizeof(ifinfomsg)) found = parse_link(payload);
  });
  if (!done && done.error().code != ENODEV) return done.error();
  return found;
}

Result<void> create_bridge(NetlinkSocket& socket, const BridgeRequest& request) {
  auto mac = parse_mac(request.mac);
  if (!mac) return std::move(mac.error());
  NetlinkMessage create(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, "create bridge", request.name);
  create.header(link_header(0, true)).text(IFLA_IFNAME, request.name).u32(IFLA_MTU, request.mtu);
  create.attribute(IFLA_ADDRESS, mac->data(), mac->size());
  create.nested(IFLA_LINKINFO, [](NetlinkMessage& m) { m.text(IFLA_INFO_KIND, "bridge"); });
  // The alias is not taken at creation; without it the bridge would be nobody's.
  NetlinkMessage name(RTM_NEWLINK, NLM_F_ACK, "set alias of", request.name);
  name.header(link_header()).text(IFLA_IFNAME, request.name).text(IFLA_IFALIAS, request.alias);
  GANTRY_TRY(socket.execute(std::move(create)));
  return socket.execute(std::move(name));
}

// Both ends in one message: the pod's is born in the pod's namespace, since moving a link costs the kernel milliseconds.
NetlinkMessage veth_message(const PodLinkRequest& request, const Mac& mac, int bridge, int netns_fd) {
  NetlinkMessage message(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, "create veth pair", request.host_name);
  message.header(link_header(0, true)).text(IFLA_IFNAME, request.host_name).u32(IFLA_MTU, request.mtu);
  Mac host_mac = mac;
  host_mac[0] = 0xfe;  // high, so that no bridge of others ever prefers it; given, so that udev leaves it
  message.attribute(IFLA_ADDRESS, host_mac.data(), host_mac.size());
  message.u32(IFLA_MASTER, static_cast<uint32_t>(bridge));
  message.nested(IFLA_LINKINFO, [&](NetlinkMessage& info) {
    info.text(IFLA_INFO_KIND, "veth");
    info.nested(IFLA_INFO_DATA, [&](NetlinkMessage& data) {
      data.nested(VETH_INFO_PEER, [&](NetlinkMessage& peer) {
        peer.header(link_header()).text(IFLA_IFNAME, request.pod_name).u32(IFLA_MTU, request.mtu);
        peer.attribute(IFLA_ADDRESS, mac.data(), mac.size());
        peer.u32(IFLA_NET_NS_FD, static_cast<uint32_t>(netns_fd));
      });
    });
  });
  return message;
}

// Hairpin: a pod reaches itself through a service's address, so frames may leave by the port that they came in by.
NetlinkMessage port_message(const std::string& name, const std::string& alias) {
  NetlinkMessage message(RTM_NEWLINK, NLM_F_ACK, "set up bridge port", name);
  message.header(link_header()).text(IFLA_IFNAME, name);
  if (!alias.empty()) message.text(IFLA_IFALIAS, alias);
  message.nested(IFLA_LINKINFO, [](NetlinkMessage& info) {
    info.text(IFLA_INFO_SLAVE_KIND, "bridge");
    info.nested(IFLA_INFO_SLAVE_DATA, [](NetlinkMessage& data) { data.u8(IFLA_BRPORT_MODE, 1); });
  });
  return message;
}

// Pods whose bridge somebody deleted are put back on the new one.
Result<void> attach_port(NetlinkSocket& socket, const std::string& name, int bridge) {
  NetlinkMessage attach(RTM_NEWLINK, NLM_F_ACK, "attach to the bridge", name);
  attach.header(link_header()).text(IFLA_IFNAME, name).u32(IFLA_MASTER, static_cast<uint32_t>(bridge));
  auto done = socket.execute(std::move(attach));
  if (done) done = socket.execute(port_message(name, ""));
  if (!done && done.error().code == ENODEV) return {};
  return done;
}

Result<void> configure_inside(const PodLinkRequest& request) {
  auto socket = NetlinkSocket::open(NETLINK_ROUTE);
  if (!socket) return std::move(socket.error());
  const unsigned index = ::if_nametoindex(request.pod_name.c_str());
  if (index == 0) return errno_error("find link in the pod", request.pod_name);
  return configure_link(*socket, request.pod_name, static_cast<int>(index), request.addresses, request.gateways);
}

// There is no way back for a thread that entered a namespace and failed to leave it.
Result<void> configure_pod_side(const PodLinkRequest& request, int netns_fd) {
  return run_in_own_thread([&]() -> Result<void> {
    if (::setns(netns_fd, CLONE_NEWNET) != 0) return errno_error("enter network namespace", request.netns);
    return configure_inside(request);
  });
}

}  // namespace

Result<std::optional<LinkInfo>> find_link(const std::string& name) {
  auto socket = NetlinkSocket::open(NETLINK_ROUTE);
  if (!socket) return std::move(socket.error());
  return find_link(*socket, name);
}

Result<void> delete_link(const std::string& name) {
  auto socket = NetlinkSocket::open(NETLINK_ROUTE);
  if (!socket) return std::move(socket.error());
  NetlinkMessage message(RTM_DELLINK, NLM_F_ACK, "delete link", name);
  message.header(link_header()).text(IFLA_IFNAME, name);
  auto done = socket->execute(std::move(message));
  if (!done && done.error().code == ENODEV) return {};
  return done;
}

Result<void> ensure_bridge(const BridgeRequest& request) {
  auto socket = NetlinkSocket::open(NETLINK_ROUTE);
  if (!socket) return std::move(socket.error());
  auto created = create_bridge(*socket, request);
  if (!created && created.error().code != EEXIST) return created;
  auto link = find_link(*socket, request.name);
  if (!link) return std::move(link.error());
  if (!*link) return Error{ENODEV, "find bridge", request.name, ""};
  if ((*link)->kind != "bridge" || (*link)->alias != request.alias) {
    return Error{EEXIST, "create bridge", request.name, (*link)->kind == "bridge" ? (*link)->alias : "not a bridge"};
  }
  for (const auto& port : request.ports) GANTRY_TRY(attach_port(*socket, port, (*link)->index));
  return configure_link(*socket, request.name, (*link)->index, request.addresses, {});
}

Result<void> create_pod_link(const PodLinkRequest& request) {
  auto mac = parse_mac(request.mac);
  if (!mac) return std::move(mac.error());
  const UniqueFd netns(::open(request.netns.c_str(), O_RDONLY | O_CLOEXEC));
  if (!netns.valid()) return errno_error("open network namespace", request.netns);
  const unsigned bridge = ::if_nametoindex(request.bridge.c_str());
  if (bridge == 0) return Error{ENODEV, "find bridge", request.bridge, ""};
  auto socket = NetlinkSocket::open(NETLINK_ROUTE);
  if (!socket) return std::move(socket.error());
  GANTRY_TRY(socket->execute(veth_message(request, *mac, static_cast<int>(bridge), netns.get())));
  auto done = socket->execute(port_message(request.host_name, request.alias));
  if (done) done = configure_pod_side(request, netns.get());
  if (!done) (void)delete_link(request.host_name).ok();
  return done;
}

}  // namespace gantry
