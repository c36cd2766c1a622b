#include "linux/netlink_conntrack.h"

#include "linux/netlink_socket.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <string>

namespace gantry {

namespace {

constexpr uint16_t kGet = (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_GET;
constexpr uint16_t kDelete = (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_DELETE;

nfgenmsg family_header(unsigned char family) {
  nfgenmsg header{};
  header.nfgen_family = family;
  header.version = NFNETLINK_V0;
  return header;
}

const Attribute* find(const std::vector<Attribute>& attributes, uint16_t type) {
  const auto found = std::find_if(attributes.begin(), attributes.end(), [&](const auto& a) { return a.type == type; });
  return found == attributes.end() ? nullptr : &*found;
}

// Whether the original direction of a flow is UDP to one of the ports.
bool leads_to(const Attribute& original, const std::vector<uint16_t>& ports) {
  const auto tuple = attributes_of(original.value);
  const Attribute* proto = find(tuple, CTA_TUPLE_PROTO);
  if (proto == nullptr) return false;
  const auto fields = attributes_of(proto->value);
  const Attribute* number = find(fields, CTA_PROTO_NUM);
  const Attribute* port = find(fields, CTA_PROTO_DST_PORT);
  if (number == nullptr || number->value.empty() || number->value[0] != IPPROTO_UDP) return false;
  if (port == nullptr || port->value.size() < sizeof(uint16_t)) return false;
  uint16_t wire = 0;
  std::memcpy(&wire, port->value.data(), sizeof wire);
  return std::find(ports.begin(), ports.end(), ntohs(wire)) != ports.end();
}

struct Flow {
  unsigned char family;
  std::string tuple;
};

Result<std::vector<Flow>> list_flows(NetlinkSocket& socket, const std::vector<uint16_t>& ports) {
  std::vector<Flow> flows;
  NetlinkMessage message(kGet, NLM_F_DUMP, "list tracked flows", "");
  message.header(family_header(AF_UNSPEC));
  auto done = socket.query(std::move(message), [&](uint16_t, std::string_view payload) {
    if (payload.size() < sizeof(nfgenmsg)) return;
    nfgenmsg header{};
    std::memcpy(&header, payload.data(), sizeof header);
    const auto attributes = attributes_of(payload.substr(NLMSG_ALIGN(sizeof header)));
    const Attribute* original = find(attributes, CTA_TUPLE_ORIG);
    if (original != nullptr && leads_to(*original, ports)) {
      flows.push_back({header.nfgen_family, std::string(original->value)});
    }
  });
  if (!done) return std::move(done.error());
  return flows;
}

}  // namespace

Result<void> forget_udp_flows(const std::vector<uint16_t>& ports) {
  auto socket = NetlinkSocket::open(NETLINK_NETFILTER);
  if (!socket) return socket.error().code == EPROTONOSUPPORT ? Result<void>() : std::move(socket.error());
  auto flows = list_flows(*socket, ports);
  if (!flows) {
    const int code = flows.error().code;
    if (code == EOPNOTSUPP || code == EINVAL || code == ENOENT) return {};
    return std::move(flows.error());
  }
  for (const auto& flow : *flows) {
    NetlinkMessage message(kDelete, NLM_F_ACK, "forget a tracked flow", "");
    message.header(family_header(flow.family));
    message.attribute(CTA_TUPLE_ORIG | NLA_F_NESTED, flow.tuple.data(), flow.tuple.size());
    auto done = socket->execute(std::move(message));
    if (!done && done.error().code != ENOENT) return done;  // it may have ended by itself
  }
  return {};
}

}  // namespace gantry
