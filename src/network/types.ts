/** The network folder's vocabulary. */
import type { Logger, Roots } from '../base/index.ts';

/** The part of the configuration that concerns the network (`ServerConfig` has all of it). */
export interface NetworkConfig extends Roots {
  readonly cniConfDir: string;
  readonly cniBinDirs: readonly string[];
  /** 'auto': CNI once a configuration was ever seen in `cniConfDir`, else the built-in network. */
  readonly network: 'auto' | 'cni' | 'builtin';
  /** One range, or two of different families separated by a comma (`10.88.0.0/16,fd00:88::/64`). */
  readonly builtinSubnet: string;
  readonly builtinBridge: string;
  readonly cniGarbageCollection: boolean;
}

export interface NetworkDeps {
  readonly log: Logger;
}

export interface PortMapping {
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly containerPort: number;
  readonly hostPort: number;
  /** '' is every address. */
  readonly hostIp: string;
}

export interface DnsConfig {
  readonly servers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
}

/** What a plug-in may want to know of a pod (CNI CONVENTIONS.md: CNI_ARGS, capabilities). */
export interface NetworkRequest {
  readonly podId: string;
  readonly podName: string;
  readonly podNamespace: string;
  readonly podUid: string;
  /** A path that any process of the host can open: /run/netns/… */
  readonly netnsPath: string;
  readonly portMappings: readonly PortMapping[];
  readonly dns: DnsConfig;
  readonly labels: Readonly<Record<string, string>>;
  /** Pod annotations: kubernetes.io/{ingress,egress}-bandwidth and what plug-ins read. */
  readonly annotations: Readonly<Record<string, string>>;
  readonly cgroupParent: string;
}

/** What was set up: kept in the pod's record, and all that tear-down needs, whatever the configuration says by then. */
export interface NetworkRecord {
  readonly kind: 'cni' | 'builtin' | 'none';
  /** Of the pod's main interface, the first is the primary; v4 and v6. */
  readonly ips: readonly string[];
  readonly request: NetworkRequest;
  /** The implementation's own: the conflist used and cached results, or the built-in's addresses and veth. */
  readonly details: unknown;
}

export interface NetworkStatus {
  readonly ready: boolean;
  /** CamelCase word, as the kubelet shows it: NetworkPluginNotReady. */
  readonly reason: string;
  readonly message: string;
  /** For verbose Status. */
  readonly details: unknown;
}

export interface PodNetwork {
  /**
   * Sets up everything but `lo`, or nothing: a failure half-way is undone under a deadline of its own. `announce` is
   * called with a record, to be stored durably, before the first effect on the host: a crash at any moment can be
   * torn down by it.
   */
  setUp(
    request: NetworkRequest,
    announce: (record: NetworkRecord) => void,
    signal: AbortSignal,
  ): Promise<NetworkRecord>;
  /** Idempotent; works without the namespace (after a reboot) and after the configuration has gone. Under its own deadline. */
  tearDown(record: NetworkRecord): Promise<void>;
  status(): Promise<NetworkStatus>;
  /** Start-up, after every left-over record was torn down: `live` are the pods that keep theirs. */
  collectGarbage(live: readonly NetworkRecord[]): Promise<void>;
  /** CRI UpdateRuntimeConfig: the node's pod CIDRs (for the built-in network and CNI templates). */
  setPodCidr(cidr: string): Promise<void>;
  /** The built-in network's bridge and rules go when no pod of the root uses them; the next pod's set-up makes them again. */
  close(): Promise<void>;
}
