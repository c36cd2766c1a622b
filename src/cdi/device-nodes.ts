/** Device nodes of edits, filled in from the host's. Pure but for the look at them. */
import { GantryError, type OciDevice, type OciSpec } from '../base/index.ts';
import type { DeviceNode, HostNodes } from './types.ts';

export interface ResolvedNode {
  readonly device: OciDevice;
  readonly hostPath: string;
  /** The host has this very node at `hostPath`. */
  readonly isOnHost: boolean;
  /** Letters of rwm; '' for none. */
  readonly access: string;
}

/** Errors: invalid-argument, naming the device, for a node that the host does not have. */
export function resolveNode(
  node: DeviceNode,
  process: OciSpec['process'],
  device: string,
  hostNodes: HostNodes,
): ResolvedNode {
  const resolved = ociDevice(node, process, device, hostNodes);
  const hostPath = node.hostPath || node.path;
  const found = hostNodes(hostPath);
  const isOnHost =
    found !== undefined &&
    found.type !== 'p' &&
    found.major === resolved.major &&
    found.minor === resolved.minor;
  const access = node.permissions === 'none' ? '' : node.permissions || 'rwm';
  return { device: resolved, hostPath, isOnHost, access };
}

/** The host's node says what the specification leaves open; one that is described in full need not be there. */
function ociDevice(
  node: DeviceNode,
  process: OciSpec['process'],
  device: string,
  hostNodes: HostNodes,
): OciDevice {
  const hostPath = node.hostPath || node.path;
  const found = hostNodes(hostPath);
  const isComplete = node.type !== '' && (node.major !== 0 || node.type === 'p');
  const type = node.type || found?.type;
  const wrong = (what: string): GantryError =>
    new GantryError({
      code: 'invalid-argument',
      operation: 'inject CDI device',
      subject: hostPath,
      message: `CDI device ${device}: ${what}`,
    });
  if (type === undefined || (found === undefined && !isComplete)) {
    throw wrong(`the host has no device node ${hostPath}`);
  }
  const sameKind = found === undefined || found.type === type || (type === 'u' && found.type === 'c');
  if (!isComplete && !sameKind) throw wrong(`${hostPath} of the host is of type ${found?.type}, not ${type}`);
  const numbers = isComplete || found === undefined || node.major !== 0 ? node : found;
  const { fileMode = found?.mode, uid = process.user.uid, gid = process.user.gid } = node;
  return {
    path: node.path,
    type,
    ...(type === 'p' ? {} : { major: numbers.major, minor: numbers.minor }),
    ...(fileMode === undefined ? {} : { fileMode }),
    ...(uid === 0 && node.uid === undefined ? {} : { uid }),
    ...(gid === 0 && node.gid === undefined ? {} : { gid }),
  };
}

type Rules = NonNullable<NonNullable<OciSpec['linux']['resources']>['devices']>;

/** What the device controller must allow for it. */
export function rulesFor({ device, access }: ResolvedNode): Rules {
  const { type, major = 0, minor = 0 } = device;
  if (type === 'p' || access === '') return [];
  return [{ allow: true, type: type === 'b' ? 'b' : 'c', major, minor, access }];
}
