/** Arithmetic on IP addresses and ranges, both families alike: an address is a number. */
import { isIPv4, isIPv6 } from 'node:net';
import { GantryError } from '../../base/index.ts';

export interface Range {
  readonly family: 4 | 6;
  /** The first address. */
  readonly base: bigint;
  readonly prefix: number;
  /** As text, masked: `10.88.0.0/16`. */
  readonly cidr: string;
}

/** Pod addresses of an IPv6 range are taken from its first 2^32. */
const MOST_HOSTS = 1n << 32n;

function bits(family: 4 | 6): number {
  return family === 4 ? 32 : 128;
}

export function parseIp(text: string): { family: 4 | 6; value: bigint } | undefined {
  if (isIPv4(text))
    return { family: 4, value: text.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n) };
  if (!isIPv6(text) || text.includes('%')) return undefined;
  return { family: 6, value: parseIp6(text) };
}

function parseIp6(text: string): bigint {
  let plain = text;
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (dotted) {
    const low = parseIp(dotted[2] ?? '')?.value ?? 0n;
    plain = `${dotted[1]}${(low >> 16n).toString(16)}:${(low & 0xffffn).toString(16)}`;
  }
  const [head = '', tail] = plain.split('::');
  const words = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const left = words(head);
  const right = tail === undefined ? [] : words(tail);
  const gap = Array.from({ length: 8 - left.length - right.length }, () => '0');
  return [...left, ...gap, ...right].reduce((sum, word) => sum * 65536n + BigInt(`0x${word}`), 0n);
}

/** IPv6 as RFC 5952 has it. */
export function formatIp(family: 4 | 6, value: bigint): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
  const words = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16));
  const zeros = [...words.join(':').matchAll(/(?:^|(?<=:))0(?::0)+(?=:|$)/g)].sort(
    (a, b) => b[0].length - a[0].length,
  )[0];
  if (zeros === undefined) return words.join(':');
  const text = words.join(':');
  return `${text.slice(0, zeros.index).replace(/:$/, '')}::${text.slice(zeros.index + zeros[0].length).replace(/^:/, '')}`;
}

/** The network that an address with its prefix length is in; undefined for what is no such text. */
export function networkOf(text: string): Range | undefined {
  const [host = '', length = '', ...rest] = text.trim().split('/');
  const ip = parseIp(host);
  const prefix = /^\d{1,3}$/.test(length) ? Number(length) : Number.NaN;
  if (ip === undefined || rest.length > 0 || !(prefix <= bits(ip.family))) return undefined;
  const shift = BigInt(bits(ip.family) - prefix);
  const base = (ip.value >> shift) << shift;
  return { family: ip.family, base, prefix, cidr: `${formatIp(ip.family, base)}/${prefix}` };
}

/** The same, of a size that pods can have their addresses of. Errors: invalid-argument. */
export function parseRange(text: string): Range {
  const range = networkOf(text);
  if (range !== undefined && range.prefix >= 8 && range.prefix <= bits(range.family) - 2) return range;
  throw new GantryError({
    code: 'invalid-argument',
    operation: 'read pod range',
    subject: text,
    message: `${JSON.stringify(text)} is not a range of pod addresses such as 10.88.0.0/16 or fd00:88::/64`,
  });
}

/** One range, or one of each family: `10.88.0.0/16,fd00:88::/64`. */
export function parseRanges(text: string): Range[] {
  const ranges = text
    .split(',')
    .filter((part) => part.trim() !== '')
    .map(parseRange);
  if (ranges.length === 0 || new Set(ranges.map((range) => range.family)).size !== ranges.length) {
    throw new GantryError({
      code: 'invalid-argument',
      operation: 'read pod ranges',
      subject: text,
      message: `${JSON.stringify(text)} is not one range of pod addresses, or one of each family`,
    });
  }
  return ranges;
}

/** The first usable address: the bridge's, and the pods' gateway. */
export function gatewayOf(range: Range): string {
  return formatIp(range.family, range.base + 1n);
}

/** How many addresses pods can have: all but the network's, the gateway's and, in IPv4, the broadcast's. */
export function podCount(range: Range): bigint {
  const size = 1n << BigInt(bits(range.family) - range.prefix);
  return size - 2n - (range.family === 4 ? 1n : 0n) > MOST_HOSTS
    ? MOST_HOSTS
    : size - 2n - (range.family === 4 ? 1n : 0n);
}

/** The pod address number `index` (0-based). */
export function podAddress(range: Range, index: bigint): string {
  return formatIp(range.family, range.base + 2n + index);
}

/** The inverse; undefined for an address that is no pod's of this range. */
export function podIndex(range: Range, ip: string): bigint | undefined {
  const parsed = parseIp(ip);
  if (parsed === undefined || parsed.family !== range.family) return undefined;
  const index = parsed.value - range.base - 2n;
  return index >= 0n && index < podCount(range) ? index : undefined;
}

export function overlaps(a: Range, b: Range): boolean {
  if (a.family !== b.family) return false;
  const shift = BigInt(bits(a.family) - Math.min(a.prefix, b.prefix));
  return a.base >> shift === b.base >> shift;
}

/**
 * A hardware address that follows from the IP address (0a:58 and four bytes, as kubenet and OVN have it): whoever gets
 * the address next gets the hardware address with it, and no neighbour's cache is wrong.
 */
export function macFor(ip: string): string {
  const value = parseIp(ip)?.value ?? 0n;
  const hex = (value & 0xffffffffn).toString(16).padStart(8, '0');
  return `0a:58:${hex.match(/../g)?.join(':')}`;
}
