/**
 * `hosts.toml`, as containerd's users know it (containerd docs/hosts.md): mirrors in the file's order, then the registry
 * itself. Parsing is pure; `loadHosts` finds and reads the file.
 */
import { existsSync, readdirSync } from 'node:fs';
import { isAbsolute, join, posix } from 'node:path';
import { parse } from 'smol-toml';
import { describeError, errno, GantryError, readRegularFile } from '../../base/index.ts';
import {
  allCapabilities,
  type Capability,
  defaultDialTimeoutMs,
  defaultHost,
  portOf,
  type RegistryHost,
  type TlsOptions,
} from './host.ts';
import { parseProxy } from './proxy.ts';

type Table = Readonly<Record<string, unknown>>;

/** The endpoints to try for `registry`, best first. A file that cannot be understood is an error: its rules may matter. */
export function loadHosts(registriesDir: string, registry: string): readonly RegistryHost[] {
  const directory = hostDirectories(registry)
    .map((name) => join(registriesDir, name))
    .find((path) => existsSync(path));
  if (directory === undefined) return [defaultHost(registry)];
  const file = join(directory, 'hosts.toml');
  try {
    return parseHosts(readRegularFile(file), directory, registry);
  } catch (error) {
    if (errno(error) === 'ENOENT') return [defaultHost(registry, certificateFiles(directory))];
    throw new GantryError({
      code: 'failed-precondition',
      operation: 'read registry configuration',
      subject: file,
      message: `${file}: ${describeError(error)}`,
      cause: error,
    });
  }
}

/** Directory names that may configure `host`, in order: `host_5000_`, `host:5000`, `_default`. */
export function hostDirectories(host: string): readonly string[] {
  const port = portOf(host);
  const names = port === '' ? [host] : [`${host.slice(0, -port.length - 1)}_${port}_`, host];
  return [...names, '_default'];
}

/** What containerd's documentation lists; `proxy` since its main branch of 2026. */
const fields: readonly string[] = [
  'capabilities',
  'ca',
  'client',
  'skip_verify',
  'header',
  'override_path',
  'dial_timeout',
  'proxy',
];

export function parseHosts(text: string, directory: string, registry: string): readonly RegistryHost[] {
  const document: Table = parse(text);
  refuseUnknown(document, [...fields, 'server', 'host'], '');
  const hosts: RegistryHost[] = [];
  for (const [url, options] of Object.entries(table(document['host'] ?? {}, 'host'))) {
    const own = table(options, `host."${url}"`);
    refuseUnknown(own, fields, ` of host."${url}"`);
    hosts.push(parseHost(url, own, directory));
  }
  const server = optional(document, 'server', string) ?? '';
  if (server !== '') return [...hosts, parseHost(server, document, directory)];
  const { tls, ...options } = parseOptions(document, directory);
  return [...hosts, defaultHost(registry, { ...options, ...(tls === undefined ? {} : { tls }) })];
}

/** A misspelt or newer setting that is passed over in silence may be the one that keeps a pull away from somewhere. */
function refuseUnknown(options: Table, known: readonly string[], where: string): void {
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`unknown setting "${unknown}"${where}`);
}

function parseHost(server: string, options: Table, directory: string): RegistryHost {
  const url = parseServer(server);
  const override = optional(options, 'override_path', boolean) ?? false;
  let path = posix.normalize(url.pathname).replace(/\/$/, '');
  if (!override && !path.endsWith('/v2')) path += '/v2';
  const { tls, ...rest } = parseOptions(options, directory);
  const scheme = url.protocol === 'http:' ? 'http' : 'https';
  return {
    scheme,
    host: url.host,
    path,
    capabilities: parseCapabilities(options),
    tls: tls ?? { ca: [], client: [], skipVerify: false },
    ...rest,
    fallbackToHttp: scheme === 'http' && tls !== undefined && url.port !== '',
  };
}

function parseServer(server: string): URL {
  const url = new URL(/^[a-z][a-z0-9+.-]*:\/\//i.test(server) ? server : `https://${server}`);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new Error(`"${server}" is reached by "${url.protocol}//"; http and https are possible`);
  }
  if (url.username !== '' || url.password !== '')
    throw new Error(`"${url.host}" has credentials in its address; they belong into "header"`);
  return url;
}

function parseCapabilities(options: Table): ReadonlySet<Capability> {
  const names = optional(options, 'capabilities', strings) ?? [];
  if (names.length === 0) return allCapabilities;
  return new Set(
    names.map((name) => {
      const capability = [...allCapabilities].find((known) => known === name.toLowerCase());
      if (capability === undefined)
        throw new Error(`unknown capability "${name}"; known are ${[...allCapabilities].join(', ')}`);
      return capability;
    }),
  );
}

function parseOptions(
  options: Table,
  directory: string,
): Pick<RegistryHost, 'headers' | 'dialTimeoutMs' | 'proxy'> & { tls: TlsOptions | undefined } {
  const absolute = (path: string): string => (isAbsolute(path) ? path : join(directory, path));
  const ca = optional(options, 'ca', strings)?.map(absolute);
  const client = optional(options, 'client', clientPairs)?.map(([certificate, key]) => ({
    certificate: absolute(certificate),
    // A pair without a key: both are in one file.
    key: absolute(key === '' ? certificate : key),
  }));
  const skipVerify = optional(options, 'skip_verify', boolean);
  const configured = ca !== undefined || client !== undefined || skipVerify !== undefined;
  const tls = configured
    ? { ca: ca ?? [], client: client ?? [], skipVerify: skipVerify ?? false }
    : undefined;
  const headers = Object.entries(table(options['header'] ?? {}, 'header')).map(
    ([name, value]) => [name.toLowerCase(), strings(value, `header.${name}`)] as const,
  );
  const dialTimeout = optional(options, 'dial_timeout', string);
  const proxy = optional(options, 'proxy', string);
  return {
    tls,
    headers: Object.fromEntries(headers),
    dialTimeoutMs: dialTimeout ? parseDuration(dialTimeout) : defaultDialTimeoutMs,
    ...(proxy ? { proxy: parseProxy(proxy, '"proxy"') } : {}),
  };
}

/** A file with both, files with both, or pairs of certificate and key. */
function clientPairs(value: unknown, name: string): (readonly [string, string])[] {
  if (typeof value === 'string') return [[value, value]];
  if (!Array.isArray(value)) throw new Error(`"${name}" must be a file or a list of files`);
  return value.map((entry: unknown) => {
    if (typeof entry === 'string') return [entry, entry] as const;
    const [certificate, key, ...rest] = strings(entry, name);
    if (certificate === undefined || key === undefined || rest.length > 0) {
      throw new Error(`"${name}" takes pairs of certificate and key`);
    }
    return [certificate, key] as const;
  });
}

/** Go's duration strings, in milliseconds: `3s`, `1m30s`, `500ms`. */
export function parseDuration(text: string): number {
  const units: Readonly<Record<string, number>> = {
    ns: 1e-6,
    us: 1e-3,
    µs: 1e-3,
    ms: 1,
    s: 1000,
    m: 60_000,
    h: 3_600_000,
  };
  if (!/^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+$/.test(text))
    throw new Error(`"${text}" is no duration, such as "300ms" or "2s"`);
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)) {
    total += Number(amount) * (units[unit ?? ''] ?? 0);
  }
  return total;
}

/** Docker's layout, where there is no hosts.toml: `*.crt` are CAs, `x.cert` with `x.key` a client's. */
function certificateFiles(directory: string): Partial<RegistryHost> {
  const names = readdirSync(directory).sort();
  const ca = names.filter((name) => name.endsWith('.crt')).map((name) => join(directory, name));
  const client = names
    .filter((name) => name.endsWith('.cert'))
    .map((name) => {
      const key = name.replace(/cert$/, 'key');
      return { certificate: join(directory, name), key: join(directory, names.includes(key) ? key : name) };
    });
  return ca.length + client.length === 0 ? {} : { tls: { ca, client, skipVerify: false } };
}

function optional<T>(options: Table, name: string, read: (value: unknown, name: string) => T): T | undefined {
  return options[name] === undefined ? undefined : read(options[name], name);
}

function string(value: unknown, name: string): string {
  if (typeof value !== 'string') throw new Error(`"${name}" must be a string`);
  return value;
}

function boolean(value: unknown, name: string): boolean {
  if (typeof value !== 'boolean') throw new Error(`"${name}" must be true or false`);
  return value;
}

function strings(value: unknown, name: string): string[] {
  if (typeof value === 'string') return [value];
  if (!Array.isArray(value)) throw new Error(`"${name}" must be a string or a list of strings`);
  return value.map((entry) => string(entry, name));
}

function table(value: unknown, name: string): Table {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error(`"${name}" must be a table`);
  return value as Table;
}
