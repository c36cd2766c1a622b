/** CRI's sandbox configuration → what is to be made. Pure: everything that can be refused is refused here. */
import { GantryError } from '../../base/index.ts';
import type { IDMapping, PodSandboxConfig } from '../../cri-types/index.ts';
import type { NetworkRequest, PortMapping } from '../../network/index.ts';
import type { CgroupPath } from '../../resources/index.ts';
import {
  type HostFacts,
  type PodNamespacePlan,
  podLabels,
  podNamespacePlan,
  podSysctls,
} from '../../security/index.ts';
import {
  type CgroupDriver,
  CONTRACT_VERSION,
  type FlavorPlan,
  flavorNamed,
  flavorOf,
  type PodManifest,
} from '../../stage1/index.ts';
import type { Owner } from '../model/owner.ts';
import { RECORD_VERSION, type SandboxRecord } from '../model/record.ts';
import { flavoredPod } from './flavored.ts';

export interface SandboxPlan {
  /** `name_namespace_uid_attempt`. */
  readonly name: string;
  /** What a second call of the same name must ask for as well. */
  readonly identity: unknown;
  readonly config: PodSandboxConfig;
  readonly handler: string;
  readonly flavor: FlavorPlan;
  /** As the flavor grants them. */
  readonly namespaces: PodNamespacePlan;
  readonly hostname: string;
  /** Of the pod's namespaces, set by stage1 before anything runs. */
  readonly sysctls: Readonly<Record<string, string>>;
  /** Of the pod's own network interfaces, which are there when the network is up. */
  readonly interfaceSysctls: Readonly<Record<string, string>>;
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
  const granted = flavoredPod(config, flavor);
  const namespaces = podNamespacePlan(granted);
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
    ...splitSysctls(podSysctls(granted)),
    cgroupParent: config.linux?.cgroupParent ?? '',
    portMappings: namespaces.ownNetwork ? portMappings(config) : [],
  };
}

/** Settings of one interface, unless it is there from the beginning (`all`, `default`, `lo`). Pure. */
const ofInterface = /^net\.[^.]+\.(conf|neigh)\.(?!(all|default|lo)\.)/;

function splitSysctls(all: Record<string, string>): Pick<SandboxPlan, 'sysctls' | 'interfaceSysctls'> {
  const part = (late: boolean): Record<string, string> =>
    Object.fromEntries(Object.entries(all).filter(([name]) => ofInterface.test(name) === late));
  return { sysctls: part(false), interfaceSysctls: part(true) };
}

/** Annotations may change between a call and its retry; nothing else does. */
export function sandboxIdentity(config: PodSandboxConfig, handler: string): unknown {
  return { ...config, annotations: {}, handler };
}

/** The same decision for a pod that exists. Pure. Errors: unimplemented for another release's flavor. */
export function podPidMode(record: SandboxRecord): PodNamespacePlan['pid'] {
  return podNamespacePlan(flavoredPod(record.config, flavorNamed(record.flavor))).pid;
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

/** What planning a pod takes from the host, and from the moment. */
export interface PodFacts {
  readonly id: string;
  readonly createdAt: bigint;
  readonly bootId: string;
  readonly host: HostFacts;
  readonly cgroupDriver: CgroupDriver;
  readonly cgroup: CgroupPath;
  /** Parents of the pod's cgroup that are not there yet, the innermost first. */
  readonly newCgroups: readonly string[];
  /** '' without SELinux. */
  readonly seLinuxLevel: string;
  /** Where the namespaces would be bound, if it has some. */
  readonly netnsPath: string;
  readonly usernsPath: string;
  readonly controlSocket: string;
}

/** All that is going to be made on the host, claimed before any of it exists. Pure. */
export function podRecord(plan: SandboxPlan, owner: Owner, facts: PodFacts): SandboxRecord {
  const { namespaces } = plan;
  return {
    version: RECORD_VERSION,
    id: facts.id,
    owner: owner.name,
    name: plan.name,
    config: plan.config,
    runtimeHandler: plan.handler,
    flavor: plan.flavor.name,
    createdAt: facts.createdAt,
    bootId: facts.bootId,
    state: { kind: 'creating' },
    netnsPath: namespaces.ownNetwork ? facts.netnsPath : '',
    usernsPath: namespaces.userns === undefined ? '' : facts.usernsPath,
    network: undefined,
    cgroupPath: facts.cgroup.path,
    cgroupParent: plan.cgroupParent,
    cgroupDriver: facts.cgroupDriver,
    ...(facts.newCgroups.length === 0 ? {} : { newCgroups: facts.newCgroups }),
    seLinuxLevel: facts.seLinuxLevel,
    pid: 0,
  };
}

/** stage1's part. Pure. */
export function podManifest(plan: SandboxPlan, record: SandboxRecord, facts: PodFacts): PodManifest {
  const { netnsPath, usernsPath } = record;
  const { ipc, uts, pid } = plan.namespaces;
  const labels = podLabels(plan.config, record.seLinuxLevel ?? '', facts.host);
  return {
    contractVersion: CONTRACT_VERSION,
    id: record.id,
    owner: record.owner,
    flavor: plan.flavor.name,
    controlSocket: facts.controlSocket,
    hostname: plan.hostname,
    namespaces: {
      ...(netnsPath === '' ? {} : { network: netnsPath }),
      ...(usernsPath === '' ? {} : { user: usernsPath }),
      ipc,
      uts,
      pid,
    },
    cgroup: { driver: facts.cgroupDriver, path: facts.cgroup.path },
    sysctls: plan.sysctls,
    shmSize: ipc === 'host' ? 0 : SHM_SIZE,
    ...(labels?.process ? { selinuxLabel: labels.process } : {}),
    apps: [],
  };
}

const protocols = { TCP: 'tcp', UDP: 'udp', SCTP: 'sctp' } as const;

/** The text that the kernel takes (user_namespaces(7)): inside, outside, count. Pure. */
export function idMap(mappings: readonly IDMapping[]): string {
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
