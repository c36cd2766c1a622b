import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { type CgroupLayout, hierarchyOf } from '../resources/index.ts';
import { appArmorParser } from './apparmor-default.ts';
import { allCapabilities } from './capabilities.ts';
import { readSeLinuxPolicy } from './selinux-policy.ts';
import type { HostFacts } from './types.ts';

/** What this host can do. Reads a few files; call it once. */
export function readHostFacts(layout: CgroupLayout): HostFacts {
  const status = readFileSync('/proc/self/status', 'utf8');
  const kernel = release();
  return {
    capabilities: parseBoundingSet(status),
    appArmor:
      readText('/sys/module/apparmor/parameters/enabled').startsWith('Y') && existsSync(appArmorParser),
    seLinux: readSeLinuxPolicy('/'),
    seccomp: /^Seccomp:/m.test(status),
    unifiedCgroups: layout.mode === 'v2',
    recursiveReadOnlyMounts: isAtLeast(kernel, 5, 12),
    idMappedMounts: isAtLeast(kernel, 5, 19),
    swapAccounting: countsSwap(layout),
    cgroup2Flags: layout.cgroup2Flags,
    hugetlb: hierarchyOf(layout, 'hugetlb') !== undefined,
    architecture: process.arch,
  };
}

/** /proc/<pid>/status, CapBnd: a bit a capability. */
export function parseBoundingSet(status: string): string[] {
  const bits = BigInt(`0x${/^CapBnd:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`);
  return allCapabilities.filter((_, number) => (bits >> BigInt(number)) & 1n);
}

/** `release` is uname(2)'s: 5.10.0-28-amd64. */
export function isAtLeast(kernel: string, major: number, minor: number): boolean {
  const [ownMajor = 0, ownMinor = 0] = kernel.split(/[.-]/).map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}

/** Whether the kernel counts swap by cgroup (swapaccount=0 on its command line turns that off). */
export function countsSwap(layout: CgroupLayout): boolean {
  const memory = hierarchyOf(layout, 'memory');
  if (memory === undefined) return false;
  if (memory.version === 1) return existsSync(join(memory.mountPoint, 'memory.memsw.limit_in_bytes'));
  // The root, which a server that nobody placed is in, has no such file; what lies below it has.
  const own = /^0::(.*)$/m.exec(readText('/proc/self/cgroup'))?.[1] ?? '/';
  const children = readdirSync(memory.mountPoint, { withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  );
  const places = [own, ...children.map(({ name }) => name)];
  const has = (place: string, file: string): boolean => existsSync(join(memory.mountPoint, place, file));
  const withLimits = places.filter((place) => has(place, 'memory.max'));
  // Where no cgroup has the controller yet: the kernel's default.
  return withLimits.length === 0 || withLimits.some((place) => has(place, 'memory.swap.max'));
}

function readText(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}
