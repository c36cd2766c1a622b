/** A device's edits, made to a container's OCI document. Pure but for the look at the host's nodes. */
import { GantryError, type OciDevice, type OciMount, type OciSpec } from '../base/index.ts';
import type { CdiHook, CdiMount, ContainerEdits, DeviceNode, HostNodes } from './types.ts';

/** Errors: invalid-argument for a node that the host does not have; unimplemented. All name the `device` that the edits are for. */
export function applyEdits(
  spec: OciSpec,
  edits: ContainerEdits,
  device: string,
  hostNodes: HostNodes,
): OciSpec {
  refuse(edits, device);
  const { process, linux } = spec;
  const nodes = edits.deviceNodes.map((node) => ({
    node: ociDevice(node, process, device, hostNodes),
    access: node.permissions === 'none' ? '' : node.permissions || 'rwm',
  }));
  const replaced = new Set(nodes.map(({ node }) => node.path));
  const gids = edits.additionalGids.filter((gid) => gid !== 0);
  const { additionalGids = [] } = process.user;
  return {
    ...spec,
    process: {
      ...process,
      env: variables(process.env, edits.env),
      user: { ...process.user, additionalGids: [...new Set([...additionalGids, ...gids])] },
    },
    mounts: mounts(spec, edits.mounts),
    ...(edits.hooks.length === 0 ? {} : { hooks: hooks(spec, edits.hooks) }),
    linux: {
      ...linux,
      devices: [
        ...(linux.devices ?? []).filter(({ path }) => !replaced.has(path)),
        ...nodes.map(({ node }) => node),
      ],
      resources: {
        ...linux.resources,
        devices: [
          ...(linux.resources?.devices ?? []),
          ...nodes.flatMap(({ node, access }) => rule(node, access)),
        ],
      },
    },
  };
}

/** What stage1 has no means for: a container that believes to have its device would fail in stranger ways. */
function refuse(edits: ContainerEdits, device: string): void {
  const cannot = (what: string): GantryError =>
    new GantryError({
      code: 'unimplemented',
      operation: 'inject CDI device',
      subject: device,
      message: `CDI device ${device} cannot be given to a container: ${what}`,
    });
  if (edits.intelRdt !== undefined) throw cannot('it wants Intel RDT, which Gantry does not set up');
  const [network] = edits.netDevices;
  if (network !== undefined) {
    throw cannot(`network interface ${network.hostInterfaceName} would have to be moved into it`);
  }
}

/** A variable that is there already keeps its place. */
function variables(before: readonly string[], wanted: readonly string[]): string[] {
  const nameOf = (variable: string): string => variable.split('=', 1)[0] ?? '';
  const after = new Map(before.map((variable) => [nameOf(variable), variable]));
  for (const variable of wanted) after.set(nameOf(variable), variable);
  return [...after.values()];
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

function rule({ type, major = 0, minor = 0 }: OciDevice, access: string): Rules {
  if (type === 'p' || access === '') return [];
  return [{ allow: true, type: type === 'b' ? 'b' : 'c', major, minor, access }];
}

/** Outer ones first. In a user namespace what is bound has the owners that it has on the host. */
function mounts({ mounts: before, linux }: OciSpec, wanted: readonly CdiMount[]): OciMount[] {
  if (wanted.length === 0) return before;
  const inUserNamespace = (linux.namespaces ?? []).some(({ type }) => type === 'user');
  const after = new Map(before.map((mount) => [mount.destination, mount]));
  for (const { hostPath, containerPath, type, options } of wanted) {
    after.delete(containerPath);
    after.set(containerPath, {
      destination: containerPath,
      source: hostPath,
      ...(type === '' ? {} : { type }),
      options: [...options, ...(inUserNamespace ? idMapOption(type, options) : [])],
    });
  }
  const depth = ({ destination }: OciMount): number => destination.split('/').filter(Boolean).length;
  return [...after.values()].sort((a, b) => depth(a) - depth(b));
}

function idMapOption(type: string, options: readonly string[]): readonly string[] {
  if (options.includes('idmap') || options.includes('ridmap')) return [];
  if (options.includes('rbind')) return ['ridmap'];
  return type === 'bind' || options.includes('bind') ? ['idmap'] : [];
}

function hooks({ hooks: before = {} }: OciSpec, wanted: readonly CdiHook[]): NonNullable<OciSpec['hooks']> {
  const after = { ...before };
  for (const { hookName, path, args, env, timeout } of wanted) {
    const hook = {
      path,
      ...(args.length > 0 ? { args: [...args] } : {}),
      ...(env.length > 0 ? { env: [...env] } : {}),
      ...(timeout === undefined ? {} : { timeout }),
    };
    after[hookName] = [...(after[hookName] ?? []), hook];
  }
  return after;
}
