import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describeError, GantryError } from '../../base/index.ts';

const BASE = '/proc/sys/net';

function get(path: string): string {
  return readFileSync(`${BASE}/${path}`, 'utf8').trim();
}

function set(path: string, value: string): void {
  if (get(path) === value) return;
  try {
    writeFileSync(`${BASE}/${path}`, value);
  } catch (error) {
    throw new GantryError({
      code: 'failed-precondition',
      operation: 'set sysctl',
      subject: path,
      message: `cannot set net/${path} to ${value}, which the built-in network needs: ${describeError(error)}`,
      cause: error,
    });
  }
}

/** What the host must do for the bridge's pods: route for them, and let its own loopback address reach them. */
export function prepareHost(bridge: string, families: readonly (4 | 6)[]): void {
  if (families.includes(4)) {
    set('ipv4/ip_forward', '1');
    set(`ipv4/conf/${bridge}/route_localnet`, '1');
  }
  if (families.includes(6)) {
    // The bridge asks for pods' hardware addresses from its link-local one, which would be no use for the seconds that
    // duplicate detection takes whenever the bridge gets its first port.
    set(`ipv6/conf/${bridge}/accept_dad`, '0');
    keepRouterAdvertisements();
    set('ipv6/conf/all/forwarding', '1');
  }
}

/** A host that forwards ignores router advertisements, and would lose its own IPv6 routes, unless it is told not to (2). */
function keepRouterAdvertisements(): void {
  if (get('ipv6/conf/all/forwarding') === '1') return;
  for (const link of readdirSync(`${BASE}/ipv6/conf`)) {
    if (get(`ipv6/conf/${link}/accept_ra`) === '1') set(`ipv6/conf/${link}/accept_ra`, '2');
  }
}

/** Whether somebody has undone prepareHost() since. */
export function isPrepared(bridge: string, families: readonly (4 | 6)[]): boolean {
  return (
    (!families.includes(4) ||
      (get('ipv4/ip_forward') === '1' && get(`ipv4/conf/${bridge}/route_localnet`) === '1')) &&
    (!families.includes(6) || get('ipv6/conf/all/forwarding') === '1')
  );
}
