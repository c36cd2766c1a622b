/** What Gantry tells plug-ins of a pod: CNI_ARGS and capability arguments (containernetworking/cni, CONVENTIONS.md). */
import { GantryError } from '../../base/index.ts';
import type { NetworkRequest } from '../types.ts';
import type { CniPlugin } from './config.ts';

/** Annotations in, as containerd hands them to plug-ins that declare this capability. */
const POD_ANNOTATIONS = 'io.kubernetes.cri.pod-annotations';
/** A pod's fixed hardware address, for plug-ins with the `mac` capability. */
const MAC = 'gantry/mac';
/** The bandwidth plug-in wants a burst with every rate; the kubelet's annotations have none: the largest, as containerd. */
const UNLIMITED_BURST = 2 ** 32 - 1;

export type CapabilityArgs = Readonly<Record<string, unknown>>;

/** `CNI_ARGS`: pairs that plug-ins written for Kubernetes read. */
export function cniArgs(request: NetworkRequest): string {
  const pairs: [string, string][] = [
    ['IgnoreUnknown', '1'],
    ['K8S_POD_NAMESPACE', request.podNamespace],
    ['K8S_POD_NAME', request.podName],
    ['K8S_POD_INFRA_CONTAINER_ID', request.podId],
    ['K8S_POD_UID', request.podUid],
  ];
  for (const [key, value] of pairs) {
    if (/[;\n\0]/.test(value))
      throw invalid(`${key} is ${JSON.stringify(value)}, which CNI_ARGS cannot hold`);
  }
  return pairs.map(([key, value]) => `${key}=${value}`).join(';');
}

/** Everything that a plug-in may declare to understand; each is given only to those that do. */
export function capabilityArgs(request: NetworkRequest, podCidrs: readonly string[]): CapabilityArgs {
  const portMappings = request.portMappings
    .filter((mapping) => mapping.hostPort > 0)
    .map(({ hostPort, containerPort, protocol, hostIp }) => ({
      hostPort,
      containerPort,
      protocol,
      hostIP: hostIp,
    }));
  const { servers, searches, options } = request.dns;
  const bandwidth = bandwidthOf(request.annotations);
  const mac = request.annotations[MAC];
  return {
    ...(portMappings.length > 0 ? { portMappings } : {}),
    ...(bandwidth === undefined ? {} : { bandwidth }),
    ...(servers.length + searches.length + options.length > 0 ? { dns: { servers, searches, options } } : {}),
    ...(podCidrs.length > 0 ? { ipRanges: podCidrs.map((subnet) => [{ subnet }]) } : {}),
    ...(mac === undefined ? {} : { mac }),
    ...(request.cgroupParent === '' ? {} : { cgroupPath: request.cgroupParent }),
    aliases: [request.podName],
    [POD_ANNOTATIONS]: request.annotations,
  };
}

/** The `runtimeConfig` of one plug-in's configuration: the arguments whose capability it declares. */
export function runtimeConfig(plugin: CniPlugin, args: CapabilityArgs): CapabilityArgs | undefined {
  const wanted = Object.entries(plugin.capabilities ?? {})
    .filter(([name, enabled]) => enabled === true && name in args)
    .map(([name]) => [name, args[name]] as const);
  return wanted.length > 0 ? Object.fromEntries(wanted) : undefined;
}

/** kubernetes.io/{ingress,egress}-bandwidth, in bits a second. */
function bandwidthOf(annotations: Readonly<Record<string, string>>): CapabilityArgs | undefined {
  const ingress = annotations['kubernetes.io/ingress-bandwidth'];
  const egress = annotations['kubernetes.io/egress-bandwidth'];
  if (ingress === undefined && egress === undefined) return undefined;
  return {
    ...(ingress === undefined ? {} : { ingressRate: bitRate(ingress), ingressBurst: UNLIMITED_BURST }),
    ...(egress === undefined ? {} : { egressRate: bitRate(egress), egressBurst: UNLIMITED_BURST }),
  };
}

const suffixes: Readonly<Record<string, number>> = {
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
};

/** A Kubernetes quantity between 1k and 1P, which is what the kubelet takes for a bandwidth. */
export function bitRate(text: string): number {
  const match = /^\+?(\d+(?:\.\d*)?|\.\d+)(?:([a-zA-Z]{0,2})|[eE]([+-]?\d+))$/.exec(text.trim());
  const scale = match?.[3] !== undefined ? 10 ** Number(match[3]) : suffixes[match?.[2] ?? ''];
  const rate = match === null || scale === undefined ? Number.NaN : Math.ceil(Number(match[1]) * scale);
  if (!(rate >= 1e3 && rate <= 1e15)) {
    throw invalid(
      `the bandwidth ${JSON.stringify(text)} is not a quantity between 1k and 1P (bits a second)`,
    );
  }
  return rate;
}

function invalid(message: string): GantryError {
  return new GantryError({ code: 'invalid-argument', operation: 'prepare CNI arguments', message });
}
