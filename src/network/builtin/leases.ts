/**
 * Address reservations: one file an address, named after it, holding the pod's ID. A file is whole or absent (written
 * aside, synced, linked into place), so a reservation survives a power cut and two processes cannot make the same one.
 */
import {
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { errno, GantryError, makeDirectory, syncDirectory, writeFileAtomic } from '../../base/index.ts';
import { podAddress, podCount, podIndex, type Range } from './address.ts';

export class Leases {
  readonly #directory: string;
  readonly #hints: string;

  /** @param directory the bridge's own, below the root. */
  constructor(directory: string) {
    this.#directory = join(directory, 'addresses');
    this.#hints = join(directory, 'last');
  }

  /**
   * Reserves one address of each range, durably, and returns them in that order. An address that was freed is used
   * again as late as possible: the search goes on behind the last one given. Throws resource-exhausted, and then
   * nothing is reserved.
   */
  reserve(ranges: readonly Range[], podId: string): string[] {
    makeDirectory(this.#directory);
    const written = this.#write(podId);
    const taken: string[] = [];
    try {
      for (const range of ranges) taken.push(this.#claim(range, written));
      syncDirectory(this.#directory);
      return taken;
    } catch (error) {
      for (const ip of taken) this.release(ip, podId);
      throw error;
    } finally {
      rmSync(written, { force: true });
    }
  }

  #write(podId: string): string {
    const path = join(this.#directory, `.new-${podId}`);
    const fd = openSync(path, 'w', 0o600);
    try {
      writeSync(fd, podId);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    return path;
  }

  #claim(range: Range, written: string): string {
    const count = podCount(range);
    const taken = new Set(readdirSync(this.#directory));
    const last = podIndex(range, this.#last(range)) ?? -1n;
    for (let step = 1n; step <= count; step++) {
      const ip = podAddress(range, (last + step) % count);
      if (taken.has(ip) || !this.#link(written, ip)) continue;
      writeFileAtomic(`${this.#hints}-${range.family}`, ip);
      return ip;
    }
    throw new GantryError({
      code: 'resource-exhausted',
      operation: 'reserve pod address',
      subject: range.cidr,
      message: `all ${count} pod addresses of ${range.cidr} are in use; remove pods or give a larger builtin subnet`,
    });
  }

  #link(written: string, ip: string): boolean {
    try {
      linkSync(written, join(this.#directory, ip));
      return true;
    } catch (error) {
      if (errno(error) === 'EEXIST') return false;
      throw error;
    }
  }

  /** Only a hint: lost or torn, the search begins elsewhere. */
  #last(range: Range): string {
    return read(`${this.#hints}-${range.family}`);
  }

  /** Frees an address if this pod still has it. Idempotent. */
  release(ip: string, podId: string): void {
    const path = join(this.#directory, ip);
    if (read(path) === podId) rmSync(path, { force: true });
  }

  ownerOf(ip: string): string | undefined {
    return read(join(this.#directory, ip)) || undefined;
  }

  /** Address → pod ID. */
  all(): Map<string, string> {
    const found = new Map<string, string>();
    for (const name of list(this.#directory)) {
      if (!name.startsWith('.')) found.set(name, read(join(this.#directory, name)));
    }
    return found;
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    if (errno(error) === 'ENOENT') return '';
    throw error;
  }
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (errno(error) === 'ENOENT') return [];
    throw error;
  }
}
