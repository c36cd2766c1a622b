/**
 * Which proxy a request goes through, by the environment variables as programs written in Go read them
 * (golang.org/x/net/http/httpproxy): nodes are set up with containerd and the kubelet in mind. Pure.
 */
import { BlockList, isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { GantryError } from '../../base/index.ts';
import { isLoopback } from './host.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** What a proxy may be reached by. With `socks5`, too, the proxy resolves names, as Go has it. */
const SCHEMES: readonly string[] = ['http:', 'https:', 'socks5:', 'socks5h:'];

export class ProxyRules {
  readonly #byProtocol: ReadonlyMap<string, string>;
  readonly #exceptions: readonly Exception[];

  constructor(environment: Environment) {
    const value = (name: string): string => environment[name] || environment[name.toLowerCase()] || '';
    this.#byProtocol = new Map([
      ['http:', value('HTTP_PROXY').trim()],
      ['https:', value('HTTPS_PROXY').trim()],
    ]);
    this.#exceptions = value('NO_PROXY').split(',').flatMap(parseException);
  }

  /** Undefined: directly. Throws failed-precondition for a proxy that cannot be used: going past it would be wrong. */
  for(url: URL): URL | undefined {
    const configured = this.#byProtocol.get(url.protocol) ?? '';
    if (configured === '' || isLoopback(url.hostname) || isLoopback(unmapped(url.hostname))) return undefined;
    const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
    const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
    if (this.#exceptions.some((matches) => matches(host, port))) return undefined;
    return parseProxy(configured, `${url.protocol.slice(0, -1).toUpperCase()}_PROXY`);
  }
}

/** `host:port` is `http://host:port`. @param name of the variable or setting, for the message. */
export function parseProxy(text: string, name: string): URL {
  const absolute = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const url = URL.canParse(absolute) ? new URL(absolute) : undefined;
  // The value may hold a password, so it is not repeated.
  if (url === undefined || url.hostname === '') throw unusable(name, 'is no address of a proxy');
  if (!SCHEMES.includes(url.protocol)) {
    throw unusable(
      name,
      `names a proxy by "${url.protocol}//"; http, https, socks5 and socks5h are possible`,
    );
  }
  return url;
}

type Exception = (host: string, port: number) => boolean;

/** One entry of NO_PROXY; what cannot be understood excepts nothing. */
function parseException(entry: string): Exception[] {
  const text = entry.trim().toLowerCase();
  if (text === '') return [];
  if (text === '*') return [() => true];
  const network = /^([^/]+)\/(\d+)$/.exec(text);
  if (network !== null) return cidrException(network[1] ?? '', Number(network[2]));
  const { host, port } = splitPort(text);
  if (host === '') return [];
  const portFits = (asked: number): boolean => port === undefined || port === asked;
  if (isIP(host) !== 0) {
    const same = addresses(host, isIP(host) === 4 ? 32 : 128);
    return [(asked, askedPort) => portFits(askedPort) && same(asked)];
  }
  // `*.name` and `.name` are what lies below; `name` is itself, too.
  const below = /^(\*?\.)?(.*)$/.exec(host);
  const name = domainToASCII(below?.[2] ?? '') || (below?.[2] ?? '');
  const itself = below?.[1] === undefined;
  return [
    (asked, askedPort) => portFits(askedPort) && (asked.endsWith(`.${name}`) || (itself && asked === name)),
  ];
}

function cidrException(address: string, bits: number): Exception[] {
  const family = isIP(address);
  if (family === 0 || bits > (family === 4 ? 32 : 128)) return [];
  const within = addresses(address, bits);
  return [(host) => within(host)];
}

/** Whether an address is in the network. */
function addresses(network: string, bits: number): (host: string) => boolean {
  const list = new BlockList();
  list.addSubnet(network, bits, isIP(network) === 4 ? 'ipv4' : 'ipv6');
  return (host) => {
    const asked = unmapped(host);
    return isIP(asked) !== 0 && list.check(asked, isIP(asked) === 4 ? 'ipv4' : 'ipv6');
  };
}

/** `host:80`, `1.2.3.4:80`, `[::1]:80`, `[::1]`; a bare IPv6 address has colons and no port. */
function splitPort(text: string): { host: string; port: number | undefined } {
  const bracketed = /^\[([^\]]*)\](?::(\d+))?$/.exec(text);
  const plain = bracketed ?? /^([^:]*):(\d+)$/.exec(text);
  if (plain === null) return { host: text, port: undefined };
  return { host: plain[1] ?? '', port: plain[2] === undefined ? undefined : Number(plain[2]) };
}

/** `::ffff:7f00:1`, as URL writes an IPv4 address in IPv6's clothes, is 127.0.0.1. */
function unmapped(host: string): string {
  const match = /^\[?::ffff:([0-9a-f]+):([0-9a-f]+)\]?$/.exec(host);
  if (match === null) return host;
  const [high, low] = [Number.parseInt(match[1] ?? '', 16), Number.parseInt(match[2] ?? '', 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

function unusable(name: string, what: string): GantryError {
  return new GantryError({
    code: 'failed-precondition',
    operation: 'choose proxy',
    subject: name,
    message: `${name} ${what}; nothing is pulled past it`,
  });
}
