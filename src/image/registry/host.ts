/** One endpoint that can serve a registry's content: the registry itself or a mirror from hosts.toml. Plain data. */
export interface RegistryHost {
  readonly scheme: 'http' | 'https';
  /** `registry.example:5000` */
  readonly host: string;
  /** Where the API lives: `/v2`, or anything else with override_path. No trailing slash. */
  readonly path: string;
  readonly capabilities: ReadonlySet<Capability>;
  readonly tls: TlsOptions;
  readonly headers: Readonly<Record<string, readonly string[]>>;
  readonly dialTimeoutMs: number;
  /** `https` is tried first and plain HTTP when the other side speaks no TLS: loopback registries, `http://` with TLS options. */
  readonly fallbackToHttp: boolean;
  /** In place of what the environment's variables say, NO_PROXY among them. */
  readonly proxy?: URL | undefined;
}

export type Capability = 'pull' | 'resolve' | 'push' | 'referrers';

export interface TlsOptions {
  /** PEM files, in addition to the system's. */
  readonly ca: readonly string[];
  readonly client: readonly { readonly certificate: string; readonly key: string }[];
  readonly skipVerify: boolean;
}

export const allCapabilities: ReadonlySet<Capability> = new Set(['pull', 'resolve', 'push', 'referrers']);

/** As containerd's default dialer. */
export const defaultDialTimeoutMs = 30_000;

/** `localhost`, 127.0.0.0/8 and ::1, with or without a port. */
export function isLoopback(host: string): boolean {
  const name = hostName(host);
  return name === 'localhost' || /^127(\.\d{1,3}){3}$/.test(name) || name === '[::1]';
}

export function hostName(host: string): string {
  return host.replace(/:\d+$/, '');
}

export function portOf(host: string): string {
  return /:(\d+)$/.exec(host)?.[1] ?? '';
}

/** Whether `endpoint` serves `registry` as a mirror, which must then be told the name (`?ns=`). */
export function isMirror(endpoint: RegistryHost, registry: string): boolean {
  return (
    endpoint.host !== registry && !(registry === 'docker.io' && endpoint.host === 'registry-1.docker.io')
  );
}

/** Where a registry is found when nothing is configured for it (containerd: config/hosts.go, ConfigureHosts). */
export function defaultHost(registry: string, options?: Partial<RegistryHost>): RegistryHost {
  const host = registry === 'docker.io' ? 'registry-1.docker.io' : registry;
  const port = portOf(host);
  const plain = isLoopback(host) && port !== '' && port !== '443';
  const loopbackTls = isLoopback(host) && port !== '80';
  const tls = options?.tls ?? { ca: [], client: [], skipVerify: loopbackTls };
  return {
    headers: {},
    dialTimeoutMs: defaultDialTimeoutMs,
    ...options,
    scheme: plain ? 'http' : 'https',
    host,
    path: '/v2',
    capabilities: allCapabilities,
    tls: loopbackTls ? { ...tls, skipVerify: true } : tls,
    fallbackToHttp: plain && port !== '80',
  };
}

/** `tls`: any certificate will do. `http`: where there is no TLS, do without. */
export type InsecureOption = 'tls' | 'http';

export function relax(host: RegistryHost, options: readonly InsecureOption[]): RegistryHost {
  const skipVerify = host.tls.skipVerify || options.includes('tls');
  const plain = options.includes('http') && host.scheme === 'https';
  return {
    ...host,
    tls: { ...host.tls, skipVerify },
    // With the fallback TLS is still tried first.
    ...(plain ? { scheme: 'http', fallbackToHttp: true } : {}),
  };
}
