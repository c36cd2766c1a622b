import type { OciIdMapping, OciLinux } from '../base/index.ts';
import type { IDMapping, NamespaceOption, PodSandboxConfig, UserNamespace } from '../cri-types/index.ts';
import type { AppManifest, PodNamespaces } from '../stage1/index.ts';
import { invalid } from './errors.ts';
import type { ContainerSpecInput, HostFacts } from './types.ts';

/** How the pod's namespaces are arranged, or why they cannot be. */
export interface PodNamespacePlan {
  /** False: the host's network (and its host name). */
  readonly ownNetwork: boolean;
  readonly ipc: PodNamespaces['ipc'];
  readonly uts: PodNamespaces['uts'];
  readonly pid: PodNamespaces['pid'];
  /** The mapping of the pod's user namespace; undefined: the host's. */
  readonly userns: { readonly uids: readonly IDMapping[]; readonly gids: readonly IDMapping[] } | undefined;
}

export function podNamespacePlan(sandbox: PodSandboxConfig): PodNamespacePlan {
  const options = sandbox.linux?.securityContext?.namespaceOptions;
  const network = options?.network ?? 'POD';
  const ipc = options?.ipc ?? 'POD';
  if (network !== 'POD' && network !== 'NODE')
    throw invalid('network', `a pod's network cannot be ${network}`);
  if (ipc !== 'POD' && ipc !== 'NODE') throw invalid('ipc', `a pod's IPC namespace cannot be ${ipc}`);
  return {
    ownNetwork: network === 'POD',
    ipc: ipc === 'NODE' ? 'host' : 'pod',
    uts: network === 'NODE' ? 'host' : 'pod',
    pid: pidMode(options, 'pod'),
    userns: checkedUserns(options?.usernsOptions),
  };
}

/** An app's own pid namespace, and with TARGET the container whose it is. */
export function appPidMode(options: NamespaceOption | undefined): Pick<AppManifest, 'pid' | 'pidTarget'> {
  if (options?.pid !== 'TARGET') return { pid: pidMode(options, 'container') };
  if (options.targetId === '') throw invalid('target_id', 'pid namespace TARGET needs a target_id');
  return { pid: 'app', pidTarget: options.targetId };
}

function pidMode(options: NamespaceOption | undefined, whose: 'pod' | 'container'): 'pod' | 'app' | 'host' {
  switch (options?.pid) {
    case 'NODE':
      return 'host';
    case 'CONTAINER':
      return 'app';
    case 'TARGET':
      if (whose === 'pod') throw invalid('pid', "a pod's pid namespace cannot be TARGET");
      return 'app';
    default:
      return 'pod';
  }
}

function checkedUserns(userns: UserNamespace | undefined): PodNamespacePlan['userns'] {
  if (userns === undefined) return undefined;
  if (userns.mode === 'NODE') {
    if (userns.uids.length + userns.gids.length > 0) {
      throw invalid('userns_options', "the host's user namespace (NODE) takes no mappings");
    }
    return undefined;
  }
  if (userns.mode !== 'POD')
    throw invalid('userns_options', `a pod's user namespace cannot be ${userns.mode}`);
  checkMapping('uids', userns.uids);
  checkMapping('gids', userns.gids);
  return { uids: userns.uids, gids: userns.gids };
}

/** One run, from 0: what the kubelet hands out, and what id-mapped layers need. */
function checkMapping(name: string, mapping: readonly IDMapping[]): void {
  const [only, ...more] = mapping;
  if (only === undefined || more.length > 0) {
    throw invalid(name, `user namespace ${name}: exactly one mapping is supported, not ${mapping.length}`);
  }
  if (only.containerId !== 0) throw invalid(name, `user namespace ${name}: container ID 0 is not mapped`);
  if (only.length === 0) throw invalid(name, `user namespace ${name}: the mapping is empty`);
}

/** A container's namespaces must be the pod's where CRI says that they are shared. */
export function checkContainerNamespaces(input: ContainerSpecInput): void {
  const pod = input.sandbox.linux?.securityContext?.namespaceOptions;
  const own = input.container.linux?.securityContext?.namespaceOptions;
  const key = (u: UserNamespace | undefined): string =>
    u?.mode !== 'POD'
      ? ''
      : JSON.stringify([u.uids, u.gids].map((list) => list.map((m) => [m.containerId, m.hostId, m.length])));
  if (key(own?.usernsOptions) !== key(pod?.usernsOptions)) {
    throw invalid('userns_options', "the container's user namespace options differ from its pod's");
  }
}

/** The pod's user namespace's mapping, in OCI's words; nothing without one. */
export function idMappings(input: ContainerSpecInput): Pick<OciLinux, 'uidMappings' | 'gidMappings'> {
  const userns = podNamespacePlan(input.sandbox).userns;
  return userns === undefined
    ? {}
    : { uidMappings: userns.uids.map(ociMapping), gidMappings: userns.gids.map(ociMapping) };
}

export function ociMapping(from: IDMapping): OciIdMapping {
  return { containerID: from.containerId, hostID: from.hostId, size: from.length };
}

/** For readers of the document (NRI, hooks); stage1 follows the manifests. */
export function specNamespaces(
  input: ContainerSpecInput,
  host: HostFacts,
): NonNullable<OciLinux['namespaces']> {
  const security = input.container.linux?.securityContext;
  const plan = podNamespacePlan(input.sandbox);
  const pid = appPidMode(security?.namespaceOptions).pid;
  return [
    { type: 'mount' },
    ...(plan.ownNetwork ? [{ type: 'network' as const, path: input.netnsPath }] : []),
    ...(plan.ipc === 'pod' ? [{ type: 'ipc' as const }] : []),
    ...(plan.uts === 'pod' ? [{ type: 'uts' as const }] : []),
    ...(pid === 'host' ? [] : [{ type: 'pid' as const }]),
    ...(input.usernsPath === '' ? [] : [{ type: 'user' as const, path: input.usernsPath }]),
    // Hides the host's tree on v2; on v1, and for a privileged container, the peers show it whole.
    ...(host.unifiedCgroups && security?.privileged !== true ? [{ type: 'cgroup' as const }] : []),
  ];
}
