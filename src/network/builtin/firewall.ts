/**
 * The packet rules of one bridge, as nft(8) text: a table of its own, so that two instances do not meet, replaced as a
 * whole in one transaction.
 */
import { isIPv6 } from 'node:net';
import type { Range } from './address.ts';
import { families, isEvery, type PortEntry } from './host-ports.ts';

export interface FirewallState {
  readonly bridge: string;
  readonly ranges: readonly Range[];
  readonly ports: readonly PortEntry[];
}

export function tableName(bridge: string): string {
  return `gantry-${bridge}`;
}

interface Elements {
  /** key : pod address . port, by family, for every host address and for a particular one. */
  readonly every4: string[];
  readonly one4: string[];
  readonly every6: string[];
  readonly one6: string[];
  /** Where published ports lead: pod address . protocol . port. */
  readonly targets4: Set<string>;
  readonly targets6: Set<string>;
}

/** Text that makes the table equal to `state`, whatever it was before. */
export function renderTable(state: FirewallState): string {
  const table = `inet ${tableName(state.bridge)}`;
  // `add` before `delete`, because deleting what is not there is an error.
  return `add table ${table}\ndelete table ${table}\ntable ${table} {\n${sets(state)}${chains(state.bridge)}}\n`;
}

/** Text that adds one pod's ports to the table; it fails with "File exists" where a port leads elsewhere already. */
export function renderPortsAdded(bridge: string, entry: PortEntry): string {
  const elements = collect([entry]);
  const table = `inet ${tableName(bridge)}`;
  const lines: string[] = [];
  const add = (set: string, items: readonly string[]): void => {
    if (items.length > 0) lines.push(`add element ${table} ${set} { ${items.join(', ')} }`);
  };
  add('ports4', elements.every4);
  add('address-ports4', elements.one4);
  add('ports6', elements.every6);
  add('address-ports6', elements.one6);
  add('targets4', [...elements.targets4]);
  add('targets6', [...elements.targets6]);
  return `${lines.join('\n')}\n`;
}

function collect(entries: readonly PortEntry[]): Elements {
  const elements: Elements = {
    every4: [],
    one4: [],
    every6: [],
    one6: [],
    targets4: new Set(),
    targets6: new Set(),
  };
  for (const { ips, mappings } of entries) {
    for (const mapping of mappings) {
      for (const ip of ips) {
        const family = isIPv6(ip) ? 6 : 4;
        if (!families(mapping).includes(family)) continue;
        const { protocol, hostPort, containerPort, hostIp } = mapping;
        const target = `${ip} . ${containerPort}`;
        if (isEvery(hostIp)) elements[`every${family}`].push(`${protocol} . ${hostPort} : ${target}`);
        else elements[`one${family}`].push(`${hostIp} . ${protocol} . ${hostPort} : ${target}`);
        elements[`targets${family}`].add(`${ip} . ${protocol} . ${containerPort}`);
      }
    }
  }
  return elements;
}

function sets(state: FirewallState): string {
  const elements = collect(state.ports);
  const ranges = (family: 4 | 6): string[] =>
    state.ranges.filter((r) => r.family === family).map((r) => r.cidr);
  return [4 as const, 6 as const]
    .map((family) => {
      const address = `ipv${family}_addr`;
      const port = 'inet_proto . inet_service';
      return (
        set('set', `pods${family}`, `${address}; flags interval`, ranges(family)) +
        set('map', `ports${family}`, `${port} : ${address} . inet_service`, elements[`every${family}`]) +
        set(
          'map',
          `address-ports${family}`,
          `${address} . ${port} : ${address} . inet_service`,
          elements[`one${family}`],
        ) +
        set('set', `targets${family}`, `${address} . ${port}`, [...elements[`targets${family}`]])
      );
    })
    .join('');
}

function set(kind: 'set' | 'map', name: string, type: string, elements: readonly string[]): string {
  const content = elements.length > 0 ? `; elements = { ${elements.join(', ')} }` : '';
  return `  ${kind} ${name} { type ${type}${content}; }\n`;
}

/**
 * - `publish`: a port of the host, asked for from outside or by the host itself, leads to the pod.
 * - `postrouting`: pods leave the host under its address. A pod that reaches itself or a neighbour through a published
 *   port, and the host's own loopback address, are masqueraded too, or the answers would go astray.
 * - `guard`: `route_localnet` is on for the bridge, for the host's sake; no pod may use it to reach the host's loopback.
 */
function chains(bridge: string): string {
  return `
  chain publish {
    meta nfproto ipv4 dnat ip to ip daddr . meta l4proto . th dport map @address-ports4
    meta nfproto ipv4 dnat ip to meta l4proto . th dport map @ports4
    meta nfproto ipv6 dnat ip6 to ip6 daddr . meta l4proto . th dport map @address-ports6
    meta nfproto ipv6 dnat ip6 to meta l4proto . th dport map @ports6
  }
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    fib daddr type local meta l4proto { tcp, udp, sctp } jump publish
  }
  chain output {
    type nat hook output priority -100; policy accept;
    ip6 daddr ::1 return
    fib daddr type local meta l4proto { tcp, udp, sctp } jump publish
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    oifname "${bridge}" ip saddr 127.0.0.0/8 masquerade
    ct status dnat ip saddr @pods4 ip daddr . meta l4proto . th dport @targets4 masquerade
    ct status dnat ip6 saddr @pods6 ip6 daddr . meta l4proto . th dport @targets6 masquerade
    oifname != "${bridge}" ip saddr @pods4 ip daddr != @pods4 ip daddr != 224.0.0.0/4 masquerade
    oifname != "${bridge}" ip6 saddr @pods6 ip6 daddr != @pods6 ip6 daddr != ff00::/8 masquerade
  }
  chain guard {
    type filter hook prerouting priority raw; policy accept;
    iifname "${bridge}" ip daddr 127.0.0.0/8 drop
  }
`;
}
