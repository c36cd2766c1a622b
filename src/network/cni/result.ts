/**
 * Results of ADD (CNI specification, section 5, "Result types") in all their versions. Before 0.3.0 a result had one
 * IPv4 and one IPv6 address; since then a list; before 1.0.0 each entry named its family.
 */
import { isIPv6 } from 'node:net';
import { atLeast, isSupported } from './version.ts';

export interface CniInterface {
  readonly name: string;
  readonly mac?: string;
  readonly sandbox?: string;
  readonly [key: string]: unknown;
}

export interface CniIp {
  /** `10.1.0.5/16` */
  readonly address: string;
  readonly gateway?: string;
  /** Index into `interfaces`. */
  readonly interface?: number;
}

export interface CniRoute {
  readonly dst: string;
  readonly gw?: string;
  readonly [key: string]: unknown;
}

/** Any version's result, in the terms of 1.1.0. */
export interface CniResult {
  readonly interfaces: readonly CniInterface[];
  readonly ips: readonly CniIp[];
  readonly routes: readonly CniRoute[];
  readonly dns: Readonly<Record<string, unknown>>;
}

type Json = Readonly<Record<string, unknown>>;

const object = (value: unknown): Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
const array = (value: unknown): readonly Json[] => (Array.isArray(value) ? value.map(object) : []);

/** What a plug-in printed; a result without a version is of the configuration's (libcni does the same). */
export function parseResult(text: string, cniVersion: string): Json {
  if (text.trim() === '') throw new Error('ended well (ADD) and printed no result');
  const value = parseJson(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error('gave a result that is no object');
  const raw = value as Json;
  const version = raw['cniVersion'];
  if (version === undefined || version === '') return { ...raw, cniVersion };
  if (typeof version !== 'string' || !isSupported(version)) {
    throw new Error(`gave a result of CNI ${JSON.stringify(version)}, which Gantry does not speak`);
  }
  return raw;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`printed what is no JSON: ${text.trim().slice(0, 200)}`, { cause });
  }
}

export function normalize(raw: Json): CniResult {
  const dns = object(raw['dns']);
  if (!atLeast(String(raw['cniVersion']), '0.3.0')) {
    const halves = [object(raw['ip4']), object(raw['ip6'])].filter((half) => typeof half['ip'] === 'string');
    return {
      interfaces: [],
      ips: halves.map((half) => ({ address: String(half['ip']), ...optional('gateway', half['gateway']) })),
      routes: halves.flatMap((half) => array(half['routes'])) as unknown as CniRoute[],
      dns,
    };
  }
  return {
    interfaces: array(raw['interfaces']) as unknown as CniInterface[],
    ips: array(raw['ips']).map((ip) => ({
      address: String(ip['address']),
      ...optional('gateway', ip['gateway']),
      ...(typeof ip['interface'] === 'number' ? { interface: ip['interface'] } : {}),
    })),
    routes: array(raw['routes']) as unknown as CniRoute[],
    dns,
  };
}

function optional(key: 'gateway' | 'gw', value: unknown): Record<string, string> {
  return typeof value === 'string' && value !== '' ? { [key]: value } : {};
}

/** The same result in another version, as the next plug-in of a chain wants its `prevResult`. */
export function convert(raw: Json, cniVersion: string): Json {
  if (raw['cniVersion'] === cniVersion) return raw;
  const result = normalize(raw);
  if (!atLeast(cniVersion, '0.3.0')) return { cniVersion, ...toHalves(result), dns: result.dns };
  const named = !atLeast(cniVersion, '1.0.0');
  return {
    cniVersion,
    interfaces: atLeast(cniVersion, '1.1.0') ? result.interfaces : result.interfaces.map(oldInterface),
    ips: result.ips.map((ip) => (named ? { version: isV6(ip.address) ? '6' : '4', ...ip } : ip)),
    routes: atLeast(cniVersion, '1.1.0')
      ? result.routes
      : result.routes.map((route) => ({ dst: route.dst, ...optional('gw', route.gw) })),
    dns: result.dns,
  };
}

function oldInterface({ name, mac, sandbox }: CniInterface): CniInterface {
  return { name, ...(mac === undefined ? {} : { mac }), ...(sandbox === undefined ? {} : { sandbox }) };
}

function isV6(cidr: string): boolean {
  return isIPv6(cidr.split('/')[0] ?? '');
}

function toHalves(result: CniResult): Json {
  const half = (six: boolean): Json | undefined => {
    const ip = result.ips.find((one) => isV6(one.address) === six);
    if (ip === undefined) return undefined;
    const routes = result.routes.filter((route) => isV6(route.dst) === six);
    return { ip: ip.address, ...optional('gateway', ip.gateway), routes };
  };
  const ip4 = half(false);
  const ip6 = half(true);
  return { ...(ip4 ? { ip4 } : {}), ...(ip6 ? { ip6 } : {}) };
}

/**
 * The pod's own addresses, without prefix, first the primary: those of its interface `ifName`, and those of no
 * interface at all. What belongs to host ends or to other interfaces of the pod is not the pod's address.
 */
export function podAddresses(raw: Json, ifName: string): string[] {
  const result = normalize(raw);
  return result.ips
    .filter((ip) => {
      const link = ip.interface === undefined ? undefined : result.interfaces[ip.interface];
      return link === undefined || (link.name === ifName && (link.sandbox ?? '') !== '');
    })
    .map((ip) => ip.address.split('/')[0] ?? '')
    .filter((ip) => ip !== '');
}
