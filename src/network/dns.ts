import { GantryError } from '../base/index.ts';
import type { DnsConfig } from './types.ts';

/** resolv.conf(5) and the Kubernetes API: more than this is refused there, too. */
const MAXIMUM_SEARCHES = 32;
const MAXIMUM_SEARCH_CHARACTERS = 2048;

/**
 * The content of a pod's /etc/resolv.conf: what CRI's DNSConfig says, or the host's file as it is when that says
 * nothing (as containerd does). Throws invalid-argument for what would not be one word of the file.
 */
export function renderResolvConf(dns: DnsConfig | undefined, hostResolvConf: string): string {
  const { servers = [], searches = [], options = [] } = dns ?? {};
  if (servers.length + searches.length + options.length === 0) return hostResolvConf;
  checkWords('DNS server', servers);
  checkWords('DNS search domain', searches);
  checkWords('DNS option', options);
  if (searches.length > MAXIMUM_SEARCHES || searches.join(' ').length > MAXIMUM_SEARCH_CHARACTERS) {
    throw invalid(
      `more than ${MAXIMUM_SEARCHES} DNS search domains or ${MAXIMUM_SEARCH_CHARACTERS} characters of them`,
    );
  }
  const lines: string[] = [];
  if (searches.length > 0) lines.push(`search ${searches.join(' ')}`);
  for (const server of servers) lines.push(`nameserver ${server}`);
  if (options.length > 0) lines.push(`options ${options.join(' ')}`);
  return `${lines.join('\n')}\n`;
}

function checkWords(kind: string, words: readonly string[]): void {
  for (const word of words) {
    if (!/^[^\s#;\p{Cc}]+$/u.test(word)) throw invalid(`${kind} ${JSON.stringify(word)} is not one word`);
  }
}

function invalid(message: string): GantryError {
  return new GantryError({ code: 'invalid-argument', operation: 'write resolv.conf', message });
}

/**
 * The host's resolv.conf as a pod with a network of its own can use it: where the host's names only a resolver on a
 * loopback address (systemd-resolved's stub), the file that systemd-resolved keeps for this. `read` gives '' for an absent file.
 */
export async function hostResolvConf(
  ownNetwork: boolean,
  read: (path: string) => Promise<string>,
  etc = '/etc',
  run = '/run',
): Promise<string> {
  const text = await read(`${etc}/resolv.conf`);
  if (!ownNetwork || !onlyLoopbackServers(text)) return text;
  return (await read(`${run}/systemd/resolve/resolv.conf`)) || text;
}

/** True when there are name servers and all of them are loopback addresses. */
export function onlyLoopbackServers(resolvConf: string): boolean {
  const servers = [...resolvConf.matchAll(/^\s*nameserver\s+(\S+)/gm)].map((match) => match[1] ?? '');
  return servers.length > 0 && servers.every((server) => /^(127\.|::1$)/.test(server));
}

/**
 * /etc/hosts of a pod that no kubelet writes it for (`gantry run`): loopback, and the pod's own name at its addresses,
 * or at loopback when it has none of its own.
 */
export function renderHosts(hostname: string, ips: readonly string[]): string {
  const own = ips.length > 0 ? ips.map((ip) => `${ip}\t${hostname}`) : [`127.0.1.1\t${hostname}`];
  return `${[
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    'ff02::1\tip6-allnodes',
    'ff02::2\tip6-allrouters',
    ...own,
  ].join('\n')}\n`;
}
