import type { ServerConfig } from './server-config.ts';

/** One thing that can be set: by a flag `--name`, and by the same name as a key of the configuration file. */
export interface Setting {
  readonly member: keyof ServerConfig;
  readonly kind: 'text' | 'paths' | 'number' | 'switch';
  /** The only values that are allowed. */
  readonly choices?: readonly string[];
  /** An absolute path, or '' where that means none. */
  readonly path?: boolean;
  /** What a text must look like, and that in words. */
  readonly form?: { readonly pattern: RegExp; readonly words: string };
  readonly help: string;
}

/** HOST:PORT: an IPv6 address in brackets, or any other host (empty for all addresses), and the port. */
export const hostAndPort = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/;

/** Everything, by its name. */
export const settings: Readonly<Record<string, Setting>> = {
  listen: {
    member: 'listen',
    kind: 'text',
    form: { pattern: /^(unix:(\/\/)?)?\/./, words: 'unix:///absolute/path' },
    help: 'address of the CRI socket (unix:///PATH)',
  },
  root: { member: 'root', kind: 'text', path: true, help: 'directory of images and pods' },
  state: {
    member: 'state',
    kind: 'text',
    path: true,
    help: 'directory of sockets and mounts, empty after a reboot',
  },
  'cni-conf-dir': {
    member: 'cniConfDir',
    kind: 'text',
    path: true,
    help: 'directory of CNI configuration lists',
  },
  'cni-bin-dir': {
    member: 'cniBinDirs',
    kind: 'paths',
    path: true,
    help: 'directories of CNI plug-ins, with colons between',
  },
  'registries-dir': {
    member: 'registriesDir',
    kind: 'text',
    path: true,
    help: 'directory of <host>/hosts.toml',
  },
  network: {
    member: 'network',
    kind: 'text',
    choices: ['auto', 'cni', 'builtin'],
    help: 'which network pods get: auto, cni or builtin',
  },
  'nri-socket': { member: 'nriSocket', kind: 'text', path: true, help: 'NRI socket; empty turns NRI off' },
  'nri-plugin-dir': {
    member: 'nriPluginDir',
    kind: 'text',
    path: true,
    help: 'directory of NRI plug-ins that are started with the server',
  },
  'nri-plugin-config-dir': {
    member: 'nriPluginConfigDir',
    kind: 'text',
    path: true,
    help: 'directory of the configurations of NRI plug-ins',
  },
  'nri-registration-timeout': {
    member: 'nriRegistrationTimeout',
    kind: 'number',
    help: 'milliseconds that an NRI plug-in has to register, and to synchronize',
  },
  'nri-request-timeout': {
    member: 'nriRequestTimeout',
    kind: 'number',
    help: 'milliseconds that an NRI plug-in has to answer; one that does not is dropped',
  },
  'nri-required-plugins': {
    member: 'nriRequiredPlugins',
    kind: 'paths',
    help: 'NRI plug-ins without which no container is created, with colons between',
  },
  'nri-tolerate-annotation': {
    member: 'nriTolerateAnnotation',
    kind: 'text',
    help: 'annotation by which pods do without the required NRI plug-ins',
  },
  'cdi-spec-dir': {
    member: 'cdiSpecDirs',
    kind: 'paths',
    path: true,
    help: 'directories of CDI specifications, with colons between; later ones win',
  },
  metrics: {
    member: 'metrics',
    kind: 'text',
    form: { pattern: new RegExp(`^$|${hostAndPort.source}`), words: 'HOST:PORT, or empty for none' },
    help: 'HOST:PORT to serve Prometheus metrics on; empty for none',
  },
  'cgroup-driver': {
    member: 'cgroupDriver',
    kind: 'text',
    choices: ['cgroupfs', 'systemd'],
    help: 'who makes cgroups: cgroupfs or systemd',
  },
  'log-level': {
    member: 'logLevel',
    kind: 'text',
    choices: ['debug', 'info', 'warn', 'error', 'silent'],
    help: 'how much is logged: debug, info, warn, error or silent',
  },
  'builtin-subnet': {
    member: 'builtinSubnet',
    kind: 'text',
    help: 'range of the built-in network, or one of IPv4 and one of IPv6 with a comma between',
  },
  'builtin-bridge': { member: 'builtinBridge', kind: 'text', help: 'bridge of the built-in network' },
  'pull-concurrency': { member: 'pullConcurrency', kind: 'number', help: 'layers fetched at once, a pull' },
  'pull-minimum-rate': {
    member: 'pullMinimumRate',
    kind: 'number',
    help: 'bytes a second below which a transfer is given up and resumed',
  },
  'cni-garbage-collection': {
    member: 'cniGarbageCollection',
    kind: 'switch',
    help: 'CNI GC at start-up; only where nobody else shares the networks',
  },
};
