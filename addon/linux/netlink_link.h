#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "linux/result.h"

namespace gantry {

// Links, addresses and routes of the caller's network namespace (rtnetlink(7)). Addresses are text, "10.88.0.1/16".

struct LinkInfo {
  int index = 0;
  std::string kind;   // "bridge", "veth"; empty for a physical one
  std::string alias;  // IFLA_IFALIAS: whose it is
  std::string mac;
  uint32_t mtu = 0;
  int master = 0;
  bool up = false;
};

// Nothing when there is no such link.
Result<std::optional<LinkInfo>> find_link(const std::string& name);

// Idempotent: a link that is not there is no error.
Result<void> delete_link(const std::string& name);

struct BridgeRequest {
  std::string name;
  std::string mac;    // fixed, or the bridge would take its lowest port's and change it
  std::string alias;  // an existing link must be a bridge with this alias, else EEXIST
  uint32_t mtu = 1500;
  std::vector<std::string> addresses;
  std::vector<std::string> ports;  // links that belong to it, if they are there
};

// The bridge is there, up, and has these addresses and ports (others are left).
Result<void> ensure_bridge(const BridgeRequest& request);

struct PodLinkRequest {
  std::string bridge;
  std::string host_name;  // of the host's end
  std::string alias;      // of the host's end
  std::string netns;      // path of the pod's network namespace
  std::string pod_name;   // eth0
  std::string mac;        // of the pod's end
  uint32_t mtu = 1500;
  std::vector<std::string> addresses;
  std::vector<std::string> gateways;  // a default route by each
};

// A veth pair, one end a port of the bridge (hairpin on), the other in the pod's namespace with addresses and default
// routes; both up. ENODEV: no such bridge. A failure leaves no link.
Result<void> create_pod_link(const PodLinkRequest& request);

struct AddressInfo {
  std::string link;
  std::string address;
};
Result<std::vector<AddressInfo>> list_addresses();

// The lowest MTU among the links that carry a default route; 0 without one.
Result<uint32_t> default_route_mtu();

}  // namespace gantry
