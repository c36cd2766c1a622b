#include "linux/netlink_address.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <array>
#include <cstdlib>
#include <cstring>

#include "linux/netlink_link.h"
#include "linux/unique_fd.h"

namespace gantry {

namespace {

struct IpAddress {
  unsigned char family = AF_UNSPEC;
  unsigned char prefix = 0;
  std::array<unsigned char, 16> bytes{};
  [[nodiscard]] size_t size() const { return family == AF_INET ? 4 : 16; }
};

Result<IpAddress> parse_address(const std::string& text) {
  const size_t slash = text.find('/');
  const std::string host = text.substr(0, slash);
  IpAddress address;
  address.family = host.find(':') == std::string::npos ? AF_INET : AF_INET6;
  if (::inet_pton(address.family, host.c_str(), address.bytes.data()) != 1) {
    return Error{EINVAL, "parse address", text, ""};
  }
  const size_t longest = address.size() * 8;
  const size_t prefix = slash == std::string::npos ? longest : std::strtoul(text.c_str() + slash + 1, nullptr, 10);
  if (prefix > longest) return Error{EINVAL, "parse address", text, "the prefix is too long"};
  address.prefix = static_cast<unsigned char>(prefix);
  return address;
}

NetlinkMessage address_message(const IpAddress& address, int index, const std::string& text) {
  ifaddrmsg header{};
  header.ifa_family = address.family;
  header.ifa_prefixlen = address.prefix;
  header.ifa_index = static_cast<unsigned>(index);
  NetlinkMessage message(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, "add address", text);
  message.header(header);
  message.attribute(IFA_LOCAL, address.bytes.data(), address.size());
  message.attribute(IFA_ADDRESS, address.bytes.data(), address.size());
  if (address.family == AF_INET6) message.u32(IFA_FLAGS, IFA_F_NODAD);
  if (address.family == AF_INET && address.prefix < 31) {
    uint32_t word = 0;
    std::memcpy(&word, address.bytes.data(), sizeof word);
    const uint32_t broadcast = word | htonl(0xffffffffU >> address.prefix);
    message.attribute(IFA_BROADCAST, &broadcast, sizeof broadcast);
  }
  return message;
}

NetlinkMessage default_route_message(const IpAddress& gateway, int index, const std::string& text) {
  rtmsg header{};
  header.rtm_family = gateway.family;
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = RTPROT_BOOT;
  header.rtm_scope = RT_SCOPE_UNIVERSE;
  header.rtm_type = RTN_UNICAST;
  NetlinkMessage message(RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, "add default route by", text);
  message.header(header);
  message.attribute(RTA_GATEWAY, gateway.bytes.data(), gateway.size());
  return message.u32(RTA_OIF, static_cast<uint32_t>(index));
}

NetlinkMessage up_message(const std::string& name, int index) {
  ifinfomsg header{};
  header.ifi_index = index;
  header.ifi_flags = header.ifi_change = IFF_UP;
  NetlinkMessage message(RTM_NEWLINK, NLM_F_ACK, "bring up", name);
  message.header(header);
  return message;
}

// A host may have IPv6 off for new links; a link that is given an IPv6 address needs it on.
void enable_ipv6(const std::string& name) {
  const std::string path = "/proc/sys/net/ipv6/conf/" + name + "/disable_ipv6";
  const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  char now = '0';
  if (fd.valid() && ::read(fd.get(), &now, 1) == 1 && now == '1') (void)!::pwrite(fd.get(), "0", 1, 0);
}

std::string format_address(unsigned char family, std::string_view bytes, unsigned prefix) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(family, bytes.data(), text.data(), text.size());
  return std::string(text.data()) + "/" + std::to_string(prefix);
}

AddressInfo parse_address_message(std::string_view payload) {
  ifaddrmsg header{};
  std::memcpy(&header, payload.data(), sizeof header);
  std::string_view local;
  std::string_view address;
  for (const auto& attribute : attributes_of(payload.substr(NLMSG_ALIGN(sizeof header)))) {
    if (attribute.type == IFA_LOCAL) local = attribute.value;
    if (attribute.type == IFA_ADDRESS) address = attribute.value;
  }
  std::array<char, IF_NAMESIZE> name{};
  ::if_indextoname(header.ifa_index, name.data());
  return {name.data(), format_address(header.ifa_family, local.empty() ? address : local, header.ifa_prefixlen)};
}

}  // namespace

Result<void> configure_link(NetlinkSocket& socket, const std::string& name, int index,
                            const std::vector<std::string>& addresses, const std::vector<std::string>& gateways) {
  std::vector<NetlinkMessage> messages;
  messages.push_back(up_message(name, index));
  for (const auto& text : addresses) {
    auto address = parse_address(text);
    if (!address) return std::move(address.error());
    if (address->family == AF_INET6) enable_ipv6(name);
    messages.push_back(address_message(*address, index, text));
  }
  for (const auto& text : gateways) {
    auto gateway = parse_address(text);
    if (!gateway) return std::move(gateway.error());
    messages.push_back(default_route_message(*gateway, index, text));
  }
  return socket.execute(std::move(messages));
}

Result<std::vector<AddressInfo>> list_addresses() {
  auto socket = NetlinkSocket::open(NETLINK_ROUTE);
  if (!socket) return std::move(socket.error());
  NetlinkMessage message(RTM_GETADDR, NLM_F_DUMP, "list addresses", "");
  message.header(ifaddrmsg{});
  std::vector<AddressInfo> found;
  auto done = socket->query(std::move(message), [&](uint16_t type, std::string_view payload) {
    if (type == RTM_NEWADDR && payload.size() >= sizeof(ifaddrmsg)) found.push_back(parse_address_message(payload));
  });
  if (!done) return std::move(done.error());
  return found;
}

Result<uint32_t> default_route_mtu() {
  auto socket = NetlinkSocket::open(NETLINK_ROUTE);
  if (!socket) return std::move(socket.error());
  NetlinkMessage message(RTM_GETROUTE, NLM_F_DUMP, "list routes", "");
  message.header(rtmsg{});
  std::vector<unsigned> links;
  auto done = socket->query(std::move(message), [&](uint16_t type, std::string_view payload) {
    rtmsg header{};
    if (type != RTM_NEWROUTE || payload.size() < sizeof header) return;
    std::memcpy(&header, payload.data(), sizeof header);
    if (header.rtm_dst_len != 0 || header.rtm_type != RTN_UNICAST || header.rtm_table != RT_TABLE_MAIN) return;
    for (const auto& attribute : attributes_of(payload.substr(NLMSG_ALIGN(sizeof header)))) {
      if (attribute.type == RTA_OIF) links.push_back(attribute.u32());
    }
  });
  if (!done) return std::move(done.error());
  uint32_t lowest = 0;
  for (const unsigned index : links) {
    std::array<char, IF_NAMESIZE> name{};
    if (::if_indextoname(index, name.data()) == nullptr) continue;
    auto link = find_link(name.data());
    if (link && *link && (lowest == 0 || (*link)->mtu < lowest)) lowest = (*link)->mtu;
  }
  return lowest;
}

}  // namespace gantry
