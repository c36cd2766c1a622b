import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Any part of a KubeletConfiguration (kubelet.config.k8s.io/v1beta1); what is given wins over the defaults below. */
export type KubeletConfig = Readonly<Record<string, unknown>>;

export interface KubeletPlaces {
  /** Everything of it lives below. */
  readonly directory: string;
  /** Of the runtime. */
  readonly socket: string;
  /** An existing cgroup, as a path below each hierarchy; `kubepods` is made in it. */
  readonly cgroupRoot: string;
  readonly podLogs: string;
  readonly port: number;
  readonly healthzPort: number;
}

/** Where the parts of a kubelet's directory are. */
export const rootDirectory = (directory: string): string => join(directory, 'root');
export const staticPods = (directory: string): string => join(directory, 'pods');

/** Everything quick, nothing evicted, nobody asked for credentials; cgroups as a machine without systemd has them. */
export function kubeletConfig(places: KubeletPlaces, own: KubeletConfig): KubeletConfig {
  const { directory } = places;
  const resolvConf = join(directory, 'resolv.conf');
  writeFileSync(resolvConf, 'nameserver 10.231.0.53\nsearch e2e.test\noptions ndots:3\n');
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: '127.0.0.1',
    port: places.port,
    healthzPort: places.healthzPort,
    readOnlyPort: 0,
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
    authorization: { mode: 'AlwaysAllow' },
    containerRuntimeEndpoint: `unix://${places.socket}`,
    staticPodPath: staticPods(directory),
    podLogsDir: places.podLogs,
    volumePluginDir: join(directory, 'volume-plugins'),
    resolvConf,
    clusterDomain: 'cluster.local',
    clusterDNS: ['10.231.0.54'],
    cgroupDriver: 'cgroupfs',
    cgroupRoot: places.cgroupRoot,
    failCgroupV1: false,
    failSwapOn: false,
    oomScoreAdj: 0,
    enforceNodeAllocatable: ['pods'],
    evictionHard: { 'memory.available': '0%', 'nodefs.available': '0%', 'imagefs.available': '0%' },
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    syncFrequency: '1s',
    fileCheckFrequency: '1s',
    nodeStatusUpdateFrequency: '2s',
    serializeImagePulls: false,
    crashLoopBackOff: { maxContainerRestartPeriod: '2s' },
    makeIPTablesUtilChains: false,
    maxOpenFiles: 4096,
    logging: { verbosity: 2 },
    ...own,
    featureGates: { KubeletCrashLoopBackOffMax: true, ...(own['featureGates'] as object | undefined) },
  };
}
