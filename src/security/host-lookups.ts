import { existsSync, lstatSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';
import { deviceNumbers, errno } from '../base/index.ts';
import type { HostDevice, HostLookups } from './types.ts';

/** The real host. Each call looks afresh: mounts and devices come and go. */
export const hostLookups: HostLookups = {
  realPath: (path) => absent(() => realpathSync(path)),
  propagation: (path) => propagationOf(path, readFileSync('/proc/self/mountinfo', 'utf8')),
  devices: (path) =>
    absent(() => (statSync(path).isDirectory() ? below(path) : [node(path)].filter((d) => d !== undefined))),
  readText: (path) => readFileSync(path, 'utf8'),
  appArmorProfiles: () => {
    const loaded = '/sys/kernel/security/apparmor/profiles';
    if (!existsSync(loaded)) return [];
    // `name (enforce)` a line
    return readFileSync(loaded, 'utf8')
      .split('\n')
      .map((line) => line.replace(/ \([a-z]+\)$/, ''));
  },
};

/** The mount that a path lies on: the longest mount point above it, the last of several on the same. proc(5). */
export function propagationOf(path: string, mountinfo: string): ReturnType<HostLookups['propagation']> {
  let best: { mountPoint: string; optional: readonly string[] } = { mountPoint: '', optional: [] };
  for (const line of mountinfo.split('\n')) {
    const fields = (line.split(' - ')[0] ?? '').split(' ');
    const mountPoint = (fields[4] ?? '').replace(/\\([0-7]{3})/g, (_, o: string) =>
      String.fromCharCode(Number.parseInt(o, 8)),
    );
    if (mountPoint === '') continue;
    const above = mountPoint === '/' || path === mountPoint || path.startsWith(`${mountPoint}/`);
    if (above && mountPoint.length >= best.mountPoint.length)
      best = { mountPoint, optional: fields.slice(6) };
  }
  const has = (tag: string): boolean => best.optional.some((field) => field.startsWith(tag));
  const kind = has('shared:') ? 'shared' : has('master:') ? 'slave' : 'private';
  return { kind, mountPoint: best.mountPoint };
}

/** Of no use in a container, or made for each: runc and containerd leave the same out. */
const skipped: ReadonlySet<string> = new Set([
  'pts',
  'shm',
  'fd',
  'mqueue',
  'console',
  '.lxc',
  '.lxd-mounts',
  '.udev',
]);

function below(directory: string): HostDevice[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    if (skipped.has(entry.name)) return [];
    const path = posix.join(directory, entry.name);
    if (entry.isDirectory()) return absent(() => below(path)) ?? [];
    const device = absent(() => node(path));
    return device === undefined ? [] : [device];
  });
}

/** Undefined for what is no device node. */
function node(path: string): HostDevice | undefined {
  const stats = lstatSync(join(path));
  const type = stats.isCharacterDevice() ? 'c' : stats.isBlockDevice() ? 'b' : undefined;
  if (type === undefined) return undefined;
  const { rdev, uid, gid } = stats;
  return { path, type, ...deviceNumbers(rdev), mode: stats.mode & 0o7777, uid, gid };
}

function absent<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR' || errno(error) === 'ELOOP') return undefined;
    throw error;
  }
}
