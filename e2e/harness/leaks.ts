import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** What a container runtime may leave behind on a host, each thing as one line of text under its kind. */
export type HostState = ReadonlyMap<string, ReadonlySet<string>>;

/** Everything that there is now. Two of these, before and after, tell what leaked. */
export function hostState(): HostState {
  return new Map([
    ['mount', mounts()],
    ['network namespace', new Set(list('/run/netns'))],
    ['network link', links()],
    ['address', addresses()],
    ['nft table', nftTables()],
    ['iptables rule', iptablesRules()],
    ['cgroup', cgroups()],
    ['loop device', loopDevices()],
    ['process', processes()],
  ]);
}

/** `kind: thing` for each that is in `after` and was not in `before`. */
export function leaked(before: HostState, after: HostState): string[] {
  const lines: string[] = [];
  for (const [kind, things] of after) {
    for (const thing of things) if (!before.get(kind)?.has(thing)) lines.push(`${kind}: ${thing}`);
  }
  return lines;
}

function list(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}

/**
 * Mount points with what is mounted there; numbers that differ from boot to boot left out. The directory of network
 * namespaces is the host's: whoever makes the first one makes it, `ip netns add` too, and nobody takes it away.
 */
function mounts(): Set<string> {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').trim().split('\n');
  return new Set(
    lines.flatMap((line) => {
      const [ours = '', theirs = ''] = line.split(' - ');
      const fields = ours.split(' ');
      if (fields[4] === '/run/netns') return [];
      return [`${fields[0]} ${fields[4]} (${theirs.split(' ').slice(0, 2).join(' of ')})`];
    }),
  );
}

function links(): Set<string> {
  const found = JSON.parse(output('ip', '-json', 'link')) as { ifname: string; ifindex: number }[];
  return new Set(found.map((link) => `${link.ifindex} ${link.ifname}`));
}

/** The link last: what is on a bridge that may stay may stay. */
function addresses(): Set<string> {
  const found = JSON.parse(output('ip', '-json', 'address')) as {
    ifname: string;
    addr_info: { local: string; prefixlen: number }[];
  }[];
  return new Set(
    found.flatMap(({ ifname, addr_info: each }) =>
      each.map(({ local, prefixlen }) => `${local}/${prefixlen} ${ifname}`),
    ),
  );
}

function nftTables(): Set<string> {
  return new Set(output('nft', 'list', 'tables').trim().split('\n').filter(Boolean));
}

/** Chains and rules of the NAT table, where the portmap plug-in works; one that stays empty says nothing. */
function iptablesRules(): Set<string> {
  const rules = [output('iptables-save', '-t', 'nat'), output('iptables-legacy-save', '-t', 'nat')];
  return new Set(
    rules
      .join('\n')
      .split('\n')
      .filter((line) => line.startsWith('-A')),
  );
}

/** Every directory of every hierarchy. */
function cgroups(): Set<string> {
  const found = new Set<string>();
  const walk = (directory: string): void => {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      if (!entry.isDirectory()) continue;
      const path = join(directory, entry.name);
      found.add(path);
      try {
        walk(path);
      } catch {
        // It went while we looked.
      }
    }
  };
  walk('/sys/fs/cgroup');
  return found;
}

function loopDevices(): Set<string> {
  return new Set(
    output('losetup', '--list', '--noheadings', '--output', 'NAME,BACK-FILE')
      .trim()
      .split('\n')
      .filter(Boolean),
  );
}

/** Programs that outlive their parents when a runtime loses them, by pid and command line. */
function processes(): Set<string> {
  const found = new Set<string>();
  for (const pid of list('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (readlinkSync(`/proc/${pid}/exe`) === '') continue;
      if (isOurs(pid)) found.add(`${pid} ${commandLine(pid)}`);
    } catch {
      // A kernel thread, or it ended while we looked.
    }
  }
  return found;
}

function commandLine(pid: string): string {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim().slice(0, 150);
}

/** A supervisor, a layer converter, or whatever lives in a pid or network namespace that is not ours. */
function isOurs(pid: string): boolean {
  if (/\/gantry-(stage1|layer)( \(deleted\))?$/.test(readlinkSync(`/proc/${pid}/exe`))) return true;
  return ['pid', 'net'].some(
    (kind) => readlinkSync(`/proc/${pid}/ns/${kind}`) !== readlinkSync(`/proc/self/ns/${kind}`),
  );
}

function output(program: string, ...args: string[]): string {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return '';
  }
}
