/**
 * Which pod has which ports of the host: one file a pod. The packet rules are always made from all of these files, so
 * rules that somebody flushed come back, and none outlives its pod.
 */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { join } from 'node:path';
import {
  errno,
  GantryError,
  makeDirectory,
  sweepTemporaryFiles,
  systemError,
  writeJsonAtomic,
} from '../../base/index.ts';
import type { PortMapping } from '../types.ts';
import { parseIp } from './address.ts';

export interface PortEntry {
  readonly podId: string;
  readonly podName: string;
  /** The pod's addresses, v4 and v6. */
  readonly ips: readonly string[];
  readonly mappings: readonly PortMapping[];
}

export class HostPorts {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = join(directory, 'ports');
    sweepTemporaryFiles(this.#directory);
  }

  /** Throws when a file cannot be read: rules made without it would close that pod's ports. */
  all(): PortEntry[] {
    let names: string[];
    try {
      names = readdirSync(this.#directory);
    } catch (error) {
      if (errno(error) === 'ENOENT') return [];
      throw error;
    }
    return names
      .filter((name) => name.endsWith('.json'))
      .flatMap((name) => readEntry(join(this.#directory, name)) ?? []);
  }

  of(podId: string): PortEntry | undefined {
    return readEntry(join(this.#directory, `${podId}.json`));
  }

  /** Throws already-exists when another pod has one of the ports. The caller holds the bridge's lock. */
  reserve(entry: PortEntry): void {
    for (const other of this.all()) {
      if (other.podId !== entry.podId) refuseConflict(entry, other);
    }
    makeDirectory(this.#directory);
    writeJsonAtomic(join(this.#directory, `${entry.podId}.json`), entry);
  }

  /** Idempotent. */
  release(podId: string): void {
    rmSync(join(this.#directory, `${podId}.json`), { force: true });
  }
}

/**
 * Undefined when there is none. Only a file that was read whole and is no JSON goes: a power cut may leave an empty one, and
 * its pod is dead then, too. One that cannot be read now is a living pod's, as far as anybody knows.
 */
function readEntry(path: string): PortEntry | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (errno(error) === 'ENOENT') return undefined;
    throw systemError('read host ports in', path, error);
  }
  try {
    return JSON.parse(text) as PortEntry;
  } catch {
    rmSync(path, { force: true });
    return undefined;
  }
}

/** The mappings that mean something: CRI has host port 0 for "none". Throws invalid-argument for what cannot be. */
export function effectiveMappings(mappings: readonly PortMapping[]): PortMapping[] {
  const wanted = mappings.filter((mapping) => mapping.hostPort !== 0);
  wanted.forEach((mapping, index) => {
    const { hostPort, containerPort, hostIp } = mapping;
    if (!isPort(hostPort) || !isPort(containerPort)) {
      throw invalid(mapping, `ports are 1 to 65535, not ${hostPort} and ${containerPort}`);
    }
    // An address with a zone (`fe80::1%eth0`) is nothing that packet rules could hold.
    if (hostIp !== '' && parseIp(hostIp) === undefined) throw invalid(mapping, `${hostIp} is no IP address`);
    if (wanted.slice(0, index).some((earlier) => collide(earlier, mapping)))
      throw invalid(mapping, 'it is asked for twice');
  });
  return wanted;
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port > 0 && port < 65536;
}

function refuseConflict(entry: PortEntry, other: PortEntry): void {
  for (const mapping of entry.mappings) {
    if (!other.mappings.some((theirs) => collide(theirs, mapping))) continue;
    throw new GantryError({
      code: 'already-exists',
      operation: 'reserve host port',
      subject: portText(mapping),
      message: `host port ${portText(mapping)} is taken by pod ${other.podName} (${other.podId})`,
    });
  }
}

/** Whether both would answer the same packets: an unspecified address is every one of its family, none is every one. */
function collide(a: PortMapping, b: PortMapping): boolean {
  if (a.protocol !== b.protocol || a.hostPort !== b.hostPort) return false;
  return families(a).some((family) => families(b).includes(family)) && addressesMeet(a.hostIp, b.hostIp);
}

function addressesMeet(a: string, b: string): boolean {
  return isEvery(a) || isEvery(b) || parseIp(a)?.value === parseIp(b)?.value;
}

export function isEvery(hostIp: string): boolean {
  return hostIp === '' || parseIp(hostIp)?.value === 0n;
}

/** The families that a mapping is for. */
export function families(mapping: PortMapping): (4 | 6)[] {
  if (mapping.hostIp === '') return [4, 6];
  return [isIPv4(mapping.hostIp) ? 4 : 6];
}

function portText(mapping: PortMapping): string {
  const host =
    mapping.hostIp === '' ? '' : mapping.hostIp.includes(':') ? `[${mapping.hostIp}]:` : `${mapping.hostIp}:`;
  return `${host}${mapping.hostPort}/${mapping.protocol}`;
}

function invalid(mapping: PortMapping, problem: string): GantryError {
  return new GantryError({
    code: 'invalid-argument',
    operation: 'map host port',
    subject: portText(mapping),
    message: `host port ${portText(mapping)}: ${problem}`,
  });
}
