/** A device's edits, made to a container's OCI document. Pure but for the look at the host's nodes. */
import { GantryError, type OciMount, type OciSpec, outerMountsFirst } from '../base/index.ts';
import { type ResolvedNode, resolveNode, rulesFor } from './device-nodes.ts';
import type { CdiHook, CdiMount, ContainerEdits, HostNodes } from './types.ts';

/** Errors: invalid-argument for a node that the host does not have; unimplemented. All name the `device` that the edits are for. */
export function applyEdits(
  spec: OciSpec,
  edits: ContainerEdits,
  device: string,
  hostNodes: HostNodes,
): OciSpec {
  refuse(edits, device);
  const { process, linux } = spec;
  const nodes = edits.deviceNodes.map((node) => resolveNode(node, process, device, hostNodes));
  const replaced = new Set(nodes.map((node) => node.device.path));
  const bound = nodes.filter((node) => isBound(spec, node));
  const gids = edits.additionalGids.filter((gid) => gid !== 0);
  const { additionalGids = [] } = process.user;
  return {
    ...spec,
    process: {
      ...process,
      env: variables(process.env, edits.env),
      user: { ...process.user, additionalGids: [...new Set([...additionalGids, ...gids])] },
    },
    mounts: mounts(spec, edits.mounts, bound),
    ...(edits.hooks.length === 0 ? {} : { hooks: hooks(spec, edits.hooks) }),
    linux: {
      ...linux,
      devices: [
        ...(linux.devices ?? []).filter(({ path }) => !replaced.has(path)),
        ...nodes.filter((node) => !bound.includes(node)).map((node) => node.device),
      ],
      resources: {
        ...linux.resources,
        devices: [...(linux.resources?.devices ?? []), ...nodes.flatMap(rulesFor)],
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

const inUserNamespace = ({ linux }: OciSpec): boolean =>
  (linux.namespaces ?? []).some(({ type }) => type === 'user');

/** Nobody makes nodes in a user namespace: stage1 binds the host's of the same path, and what is elsewhere is a mount. */
function isBound(spec: OciSpec, { device, hostPath, isOnHost }: ResolvedNode): boolean {
  return isOnHost && hostPath !== device.path && inUserNamespace(spec);
}

/** In a user namespace what is bound has the owners that it has on the host. */
function mounts(spec: OciSpec, wanted: readonly CdiMount[], nodes: readonly ResolvedNode[]): OciMount[] {
  if (wanted.length + nodes.length === 0) return spec.mounts;
  const isMapped = inUserNamespace(spec);
  const added = [
    ...wanted.map(({ hostPath, containerPath, type, options }) => ({
      destination: containerPath,
      source: hostPath,
      ...(type === '' ? {} : { type }),
      options: [...options, ...(isMapped ? idMapOption(type, options) : [])],
    })),
    ...nodes.map(({ device, hostPath }) => ({
      destination: device.path,
      source: hostPath,
      type: 'bind',
      options: ['bind', 'nosuid', 'noexec'],
    })),
  ];
  const after = new Map(spec.mounts.map((mount) => [mount.destination, mount]));
  for (const mount of added) {
    after.delete(mount.destination);
    after.set(mount.destination, mount);
  }
  return outerMountsFirst([...after.values()]);
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
