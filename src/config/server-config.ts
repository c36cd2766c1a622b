import type { Roots } from '../base/index.ts';

/** Everything that `gantry serve` can be told, defaults filled in. Flags win over `/etc/gantry/config.toml`. */
export interface ServerConfig extends Roots {
  /** `unix:///run/gantry/gantry.sock` */
  readonly listen: string;
  readonly cniConfDir: string;
  readonly cniBinDirs: readonly string[];
  readonly registriesDir: string;
  readonly network: 'auto' | 'cni' | 'builtin';
  /** '' turns NRI off. */
  readonly nriSocket: string;
  /** Of installed NRI plug-ins, and their configurations. */
  readonly nriPluginDir: string;
  readonly nriPluginConfigDir: string;
  /** Milliseconds that an NRI plug-in has to register and synchronize, and to answer a request. */
  readonly nriRegistrationTimeout: number;
  readonly nriRequestTimeout: number;
  /** NRI plug-ins without which no container is created; the annotation that lets a pod do without, '' for none. */
  readonly nriRequiredPlugins: readonly string[];
  readonly nriTolerateAnnotation: string;
  /** Of CDI specifications; what a later one describes wins. */
  readonly cdiSpecDirs: readonly string[];
  /** `host:port`, or '' for none. */
  readonly metrics: string;
  readonly cgroupDriver: 'cgroupfs' | 'systemd';
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** Pod IPv4 range of the built-in network until the kubelet names one. */
  readonly builtinSubnet: string;
  readonly builtinBridge: string;
  /** Layers fetched and converted at once, a pull. */
  readonly pullConcurrency: number;
  /** Bytes a second, averaged over 10 s: a layer's transfer below it is given up and resumed. */
  readonly pullMinimumRate: number;
  /** CNI: run GC at start-up; only where nobody else shares the networks. */
  readonly cniGarbageCollection: boolean;
}

export const defaultConfig: ServerConfig = {
  root: '/var/lib/gantry',
  state: '/run/gantry',
  listen: 'unix:///run/gantry/gantry.sock',
  cniConfDir: '/etc/cni/net.d',
  cniBinDirs: ['/opt/cni/bin', '/usr/lib/cni'],
  registriesDir: '/etc/gantry/registries.d',
  network: 'auto',
  nriSocket: '',
  nriPluginDir: '/opt/nri/plugins',
  nriPluginConfigDir: '/etc/nri/conf.d',
  nriRegistrationTimeout: 5_000,
  nriRequestTimeout: 2_000,
  nriRequiredPlugins: [],
  nriTolerateAnnotation: '',
  cdiSpecDirs: ['/etc/cdi', '/var/run/cdi'],
  metrics: '',
  cgroupDriver: 'cgroupfs',
  logLevel: 'info',
  builtinSubnet: '10.88.0.0/16',
  builtinBridge: 'gantry0',
  pullConcurrency: 3,
  pullMinimumRate: 1024,
  cniGarbageCollection: false,
};
