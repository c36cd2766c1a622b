import { posix } from 'node:path';
import type { OciDevice, OciResources } from '../base/index.ts';
import type { Device } from '../cri-types/index.ts';
import { invalid } from './errors.ts';
import type { HostDevice, HostLookups } from './types.ts';

export interface ContainerDevices {
  readonly devices: OciDevice[];
  /** For the device controller, complete: stage1 adds nothing. */
  readonly rules: NonNullable<OciResources['devices']>;
}

const denyAll = { allow: false, access: 'rwm' } as const;
const allowAll = { allow: true, access: 'rwm' } as const;

/**
 * What every container may do, as under runc: make any node, and use those that the OCI specification puts in every /dev
 * (config-linux.md, "Default Devices") with the pseudo terminals.
 */
const everyContainers: ContainerDevices['rules'] = [
  { allow: true, type: 'c', access: 'm' },
  { allow: true, type: 'b', access: 'm' },
  ...[3, 5, 7, 8, 9].map((minor) => character(1, minor)), // null zero full random urandom
  ...[0, 2].map((minor) => character(5, minor)), // tty ptmx
  character(136), // pts
];

function character(major: number, minor?: number): ContainerDevices['rules'][number] {
  return { allow: true, type: 'c', major, ...(minor === undefined ? {} : { minor }), access: 'rwm' };
}

/** Privileged: every node of the host's /dev and every access. Otherwise what was asked for, and nothing else. */
export function containerDevices(
  asked: readonly Device[],
  privileged: boolean,
  lookups: HostLookups,
): ContainerDevices {
  const named = asked.map((device) => expand(device, lookups));
  const devices = named.flatMap((d) => d.devices);
  if (!privileged) return { devices, rules: [denyAll, ...everyContainers, ...named.flatMap((d) => d.rules)] };
  const own = new Set(devices.map((d) => d.path));
  const all = (lookups.devices('/dev') ?? [])
    .map((d) => ociDevice(d, d.path))
    .filter((d) => !own.has(d.path));
  return { devices: [...devices, ...all], rules: [allowAll] };
}

function expand(device: Device, lookups: HostLookups): ContainerDevices {
  const access = device.permissions;
  if (!/^[rwm]{1,3}$/.test(access)) {
    throw invalid(access, `device permissions '${access}' of ${device.hostPath} are not letters of rwm`);
  }
  const source = lookups.realPath(device.hostPath);
  const nodes = source === undefined ? undefined : lookups.devices(source);
  if (source === undefined || nodes === undefined) {
    throw invalid(device.hostPath, `device ${device.hostPath} does not exist on the host`);
  }
  if (nodes.length === 0) throw invalid(device.hostPath, `${device.hostPath} is no device and holds none`);
  const target = device.containerPath === '' ? device.hostPath : device.containerPath;
  return {
    devices: nodes.map((node) => ociDevice(node, posix.join(target, posix.relative(source, node.path)))),
    rules: nodes.map(({ type, major, minor }) => ({ allow: true, type, major, minor, access })),
  };
}

function ociDevice(node: HostDevice, path: string): OciDevice {
  const { type, major, minor, mode, uid, gid } = node;
  return { path, type, major, minor, fileMode: mode, uid, gid };
}
