/** CRI's sandbox configuration → what is to be made. Pure: everything that can be refused is refused here. */
import { GantryError } from '../../base/index.ts';
import type { IDMapping, PodSandboxConfig } from '../../cri-types/index.ts';
import type { NetworkRequest, PortMapping } from '../../network/index.ts';
import { type CgroupPath, cgroupPath } from '../../resources/index.ts';
import { type HostFacts, podLabels, podNamespacePlan, podSysctls } from '../../security/index.ts';
import {
  type CgroupDriver,
  CONTRACT_VERSION,
  type FlavorPlan,
  flavorOf,
  type NamespaceChoice,
  type PodManifest,
} from '../../stage1/index.ts';
import type { SandboxRecord } from '../model/record.ts';

export interface SandboxPlan {
  /** `name_namespace_uid_attempt`. */
  readonly name: string;
  /** What a second call of the same name must ask for as well. */
  readonly identity: unknown;
  readonly config: PodSandboxConfig;
  readonly handler: string;
  readonly flavor: FlavorPlan;
  readonly namespaces: NamespaceChoice;
  readonly hostname: string;
  readonly sysctls: Readonly<Record<string, string>>;
  readonly cgroupParent: string;
  readonly portMappings: readonly PortMapping[];
}

/** Linux' own limit (HOST_NAME_MAX). */
const LONGEST_HOSTNAME = 64;
/** Bytes of the pod's /dev/shm, as everywhere in Kubernetes. */
const SHM_SIZE = 64 << 20;

/** Errors: invalid-argument, naming the member; unimplemented. */
export function planSandbox(
  config: PodSandboxConfig | undefined,
  handler: string,
  nodeName: string,
): SandboxPlan {
  const metadata = config?.metadata;
  if (config === undefined || metadata === undefined)
    throw invalid('config.metadata', 'the pod’s metadata is missing');
  for (const member of ['name', 'namespace', 'uid'] as const) {
    if (metadata[member] === '') throw invalid(`metadata.${member}`, `the pod’s metadata has no ${member}`);
  }
  const flavor = flavorOf(handler);
  const wanted = podNamespacePlan(config);
  const { userns, ...others } = wanted;
  const namespaces = flavor.namespaces(
    userns === undefined
      ? others
      : { ...others, userns: { uidMap: idMap(userns.uids), gidMap: idMap(userns.gids) } },
  );
  const hostname = !namespaces.ownNetwork || config.hostname === '' ? nodeName : config.hostname;
  if (hostname.length > LONGEST_HOSTNAME) {
    throw invalid('hostname', `host name "${hostname}" is longer than ${LONGEST_HOSTNAME} characters`);
  }
  return {
    name: `${metadata.name}_${metadata.namespace}_${metadata.uid}_${metadata.attempt}`,
    identity: sandboxIdentity(config, handler),
    config,
    handler,
    flavor,
    namespaces,
    hostname,
    sysctls: podSysctls(config),
    cgroupParent: config.linux?.cgroupParent ?? '',
    portMappings: namespaces.ownNetwork ? portMappings(config) : [],
  };
}

/** Annotations may change between a call and its retry; nothing else does. */
export function sandboxIdentity(config: PodSandboxConfig, handler: string): unknown {
  return { ...config, annotations: {}, handler };
}

/** The same decision for a pod that exists. Pure. */
export function podPidMode(record: SandboxRecord): NamespaceChoice['pid'] {
  const { userns: _, ...wanted } = podNamespacePlan(record.config);
  return flavorOf(record.runtimeHandler).namespaces(wanted).pid;
}

/** The network's part. Pure. */
export function networkRequest(plan: SandboxPlan, podId: string, netnsPath: string): NetworkRequest {
  const { metadata, dnsConfig, labels, annotations } = plan.config;
  return {
    podId,
    podName: metadata?.name ?? '',
    podNamespace: metadata?.namespace ?? '',
    podUid: metadata?.uid ?? '',
    netnsPath,
    portMappings: plan.portMappings,
    dns: {
      servers: dnsConfig?.servers ?? [],
      searches: dnsConfig?.searches ?? [],
      options: dnsConfig?.options ?? [],
    },
    labels,
    annotations,
    cgroupParent: plan.cgroupParent,
  };
}

export interface ManifestInput {
  readonly plan: SandboxPlan;
  readonly podId: string;
  readonly controlSocket: string;
  readonly cgroup: CgroupPath;
  readonly driver: CgroupDriver;
  /** '' on the host's network. */
  readonly netnsPath: string;
  /** '' in the host's user namespace. */
  readonly usernsPath: string;
  /** '' without SELinux. */
  readonly seLinuxLevel: string;
  readonly host: HostFacts;
}

/** stage1's part. Pure. */
export function podManifest(input: ManifestInput): PodManifest {
  const { plan, podId, netnsPath, usernsPath } = input;
  const { ipc, uts, pid } = plan.namespaces;
  const labels = podLabels(plan.config, input.seLinuxLevel, input.host);
  return {
    contractVersion: CONTRACT_VERSION,
    id: podId,
    owner: 'cri',
    flavor: plan.flavor.name,
    controlSocket: input.controlSocket,
    hostname: plan.hostname,
    namespaces: {
      ...(netnsPath === '' ? {} : { network: netnsPath }),
      ...(usernsPath === '' ? {} : { user: usernsPath }),
      ipc,
      uts,
      pid,
    },
    cgroup: { driver: input.driver, path: input.cgroup.path },
    sysctls: plan.sysctls,
    shmSize: ipc === 'host' ? 0 : SHM_SIZE,
    ...(labels?.process ? { selinuxLabel: labels.process } : {}),
    apps: [],
  };
}

export function sandboxCgroup(plan: SandboxPlan, driver: CgroupDriver, podId: string): CgroupPath {
  return cgroupPath(driver, plan.cgroupParent, podId);
}

const protocols = { TCP: 'tcp', UDP: 'udp', SCTP: 'sctp' } as const;

/** The text that the kernel takes (user_namespaces(7)): inside, outside, count. */
function idMap(mappings: readonly IDMapping[]): string {
  return mappings.map(({ containerId, hostId, length }) => `${containerId} ${hostId} ${length}\n`).join('');
}

/** Those that ask for a port of the host; CRI lists the others too. */
function portMappings(config: PodSandboxConfig): PortMapping[] {
  return config.portMappings
    .filter(({ hostPort }) => hostPort !== 0)
    .map(({ protocol, containerPort, hostPort, hostIp }) => {
      for (const port of [containerPort, hostPort]) {
        if (port < 1 || port > 65535)
          throw invalid('port_mappings', `port ${port} is not between 1 and 65535`);
      }
      return { protocol: protocols[protocol], containerPort, hostPort, hostIp };
    });
}

function invalid(subject: string, message: string): GantryError {
  return new GantryError({ code: 'invalid-argument', operation: 'plan pod', subject, message });
}
