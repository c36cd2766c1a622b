import { existsSync, readFileSync } from 'node:fs';
import { describeError } from '../base/index.ts';
import type { ContainerConfig } from '../cri-types/index.ts';
import { askHost, type HostAnswer, HostFileError, type HostRequest } from '../host-files/index.ts';
import { invalid } from './errors.ts';
import { localhostSeccompPath } from './seccomp.ts';
import type { HostDevice, HostLookups } from './types.ts';

/**
 * All that a container's document needs to know of the host, asked in one go: each call looks afresh, since mounts and devices
 * come and go. Directories that mounts name and that are absent are made, as docs/decisions 0005 has it, and so is the one for the log ('' for none). `signal` aborts when
 * the container's making is given up. Errors: invalid-argument for a path that cannot be used; deadline-exceeded, naming the
 * path, for one whose file system does not answer.
 */
export async function lookUpHost(
  config: ContainerConfig,
  logDirectory: string,
  signal: AbortSignal,
): Promise<HostLookups> {
  const requests = requestsOf(config, logDirectory);
  const answers = await askHost(requests, { wait: 'hostPath', signal });
  const answered = new Map<string, HostAnswer>();
  for (const [index, { name, path }] of requests.entries()) {
    const answer = answers[index] ?? [];
    if (name === 'make' && answer instanceof HostFileError) throw cannotBeMade(config, path, answer);
    answered.set(`${name} ${path}`, answer);
  }
  return answeredLookups(answered);
}

function requestsOf({ mounts, devices, linux }: ContainerConfig, logDirectory: string): HostRequest[] {
  const paths = (all: readonly string[]): string[] => [...new Set(all)];
  const security = linux?.securityContext;
  // A path that is not absolute is refused with the document, an image volume has none.
  const sources = mounts.filter((mount) => mount.image === undefined).map((mount) => mount.hostPath);
  const nodes = [...devices.map((device) => device.hostPath), ...(security?.privileged ? ['/dev'] : [])];
  const profile = localhostSeccompPath(security);
  const absolute = (path: string): boolean => path.startsWith('/');
  return [
    ...paths([logDirectory, ...sources].filter(absolute)).map((path) => ({ name: 'make', path }) as const),
    ...paths(nodes.filter(absolute)).map((path) => ({ name: 'devices', path }) as const),
    ...(profile !== undefined && absolute(profile) ? [{ name: 'read', path: profile } as const] : []),
  ];
}

function cannotBeMade({ mounts }: ContainerConfig, path: string, cause: HostFileError): Error {
  const mount = mounts.find(({ hostPath }) => hostPath === path);
  if (mount === undefined) return invalid(path, `log directory ${path} cannot be made (${cause.code})`);
  return invalid(
    path,
    `mount source ${path} for ${mount.containerPath} does not exist on the host and cannot be made (${cause.code})`,
  );
}

/** Whatever was not asked is not there. */
function answeredLookups(answered: ReadonlyMap<string, HostAnswer>): HostLookups {
  const fields = (name: HostRequest['name'], path: string): readonly string[] => {
    const answer = answered.get(`${name} ${path}`) ?? [];
    if (answer instanceof HostFileError) throw invalid(path, describeError(answer));
    return answer;
  };
  const devices = new Map<string, readonly HostDevice[]>();
  for (const [key] of answered) {
    if (!key.startsWith('devices ')) continue;
    const [real, ...nodes] = fields('devices', key.slice('devices '.length));
    if (real !== undefined) devices.set(real, hostDevices(nodes));
  }
  let mountinfo: string | undefined;
  return {
    realPath: (path) => fields('make', path)[0] ?? fields('devices', path)[0],
    propagation: (path) => {
      mountinfo ??= readFileSync('/proc/self/mountinfo', 'utf8');
      return propagationOf(path, mountinfo);
    },
    devices: (path) => devices.get(path),
    readText: (path) => {
      const [text] = fields('read', path);
      if (text === undefined) throw invalid(path, `${path} was not read`);
      return text;
    },
    appArmorProfiles,
  };
}

/** As gantry-files lists them, seven fields each. */
function hostDevices(fields: readonly string[]): HostDevice[] {
  const found: HostDevice[] = [];
  for (let at = 0; at + 7 <= fields.length; at += 7) {
    const [path = '', type, ...numbers] = fields.slice(at, at + 7);
    const [major = 0, minor = 0, mode = 0, uid = 0, gid = 0] = numbers.map(Number);
    found.push({ path, type: type === 'b' ? 'b' : 'c', major, minor, mode, uid, gid });
  }
  return found;
}

function appArmorProfiles(): readonly string[] {
  const loaded = '/sys/kernel/security/apparmor/profiles';
  if (!existsSync(loaded)) return [];
  // `name (enforce)` a line
  return readFileSync(loaded, 'utf8')
    .split('\n')
    .map((line) => line.replace(/ \([a-z]+\)$/, ''));
}

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
