/**
 * Address reservations of one range: a file of 64-byte slots, slot n + 1 holding the ID of the pod that has the n-th
 * address, slot 0 the number that was given last. Its blocks are allocated beforehand, so a reservation is one write in
 * place and one fdatasync, which needs no journal commit and so does not wait for everybody else's. A slot lies within
 * one disk sector: it is whole or as it was.
 */
import {
  closeSync,
  constants,
  fdatasync,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { FileMutex, GantryError, isId, makeDirectory, syncDirectory } from '../../base/index.ts';
import { podAddress, podCount, podIndex, type Range } from './address.ts';

const SLOT = 64;
const CHUNK = 1024 * SLOT;
const HEADER = 'gantry address reservations, last given: ';

export class Leases {
  readonly #path: string;
  readonly #mutex: FileMutex;
  readonly #range: Range;
  #fd = -1;

  /** @param range the primary one, whose addresses the slots stand for. */
  constructor(directory: string, range: Range) {
    this.#path = join(directory, leasesFile(range));
    this.#mutex = new FileMutex(`${this.#path}.lock`);
    this.#range = range;
    makeDirectory(directory);
  }

  /**
   * Reserves the same host number in every range, durably, and returns the addresses in the order of the ranges. A
   * number that was freed is used again as late as possible: the search goes on behind the last one given. Throws
   * resource-exhausted, and then nothing is reserved.
   */
  async reserve(ranges: readonly Range[], podId: string): Promise<string[]> {
    const count = ranges.map(podCount).reduce((least, one) => (one < least ? one : least));
    const index = await this.#mutex.run(async () => this.#claim(Number(count), podId));
    try {
      await promisify(fdatasync)(this.#open());
    } catch (error) {
      this.#write(index + 1, '');
      throw error;
    }
    return ranges.map((range) => podAddress(range, BigInt(index)));
  }

  #claim(count: number, podId: string): number {
    const table = this.#read();
    const last = Number(/: (\d+)/.exec(slotText(table, 0))?.[1] ?? -1);
    for (let step = 1; step <= count; step++) {
      const index = (last + step) % count;
      if (slotText(table, index + 1) !== '') continue;
      this.#makeRoom(table.length, index + 1);
      this.#write(index + 1, podId);
      this.#write(0, `${HEADER}${index}`);
      return index;
    }
    throw new GantryError({
      code: 'resource-exhausted',
      operation: 'reserve pod address',
      subject: this.#range.cidr,
      message: `all ${count} pod addresses of ${this.#range.cidr} are in use; remove pods or give a larger builtin subnet`,
    });
  }

  /** Frees an address of the primary range if this pod still has it. Idempotent. */
  release(ip: string, podId: string): void {
    if (this.ownerOf(ip) !== podId) return;
    this.#write(this.#slotOf(ip), '');
  }

  ownerOf(ip: string): string | undefined {
    const slot = this.#slotOf(ip);
    return slot < 1 ? undefined : slotText(this.#read(slot * SLOT, SLOT), 0) || undefined;
  }

  /** Address → pod ID, of the primary range. */
  all(): Map<string, string> {
    const table = this.#read();
    const found = new Map<string, string>();
    for (let slot = 1; slot * SLOT < table.length; slot++) {
      const podId = slotText(table, slot);
      if (podId !== '') found.set(podAddress(this.#range, BigInt(slot - 1)), podId);
    }
    return found;
  }

  /** Runs `work` while nothing is reserved and nobody can reserve; not at all when something is. */
  whileEmpty(work: () => Promise<void>): Promise<void> {
    return this.#mutex.run(async () => {
      if (this.all().size === 0) await work();
    });
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }

  #slotOf(ip: string): number {
    return Number(podIndex(this.#range, ip) ?? -1n) + 1;
  }

  #open(): number {
    if (this.#fd < 0) this.#fd = openSync(this.#path, constants.O_RDWR | constants.O_CREAT, 0o600);
    return this.#fd;
  }

  #read(position = 0, length = fstatSync(this.#open()).size): Buffer {
    const buffer = Buffer.alloc(length);
    return buffer.subarray(0, readSync(this.#open(), buffer, 0, length, position));
  }

  #write(slot: number, text: string): void {
    writeSync(
      this.#open(),
      Buffer.concat([Buffer.from(text), Buffer.alloc(SLOT)], SLOT),
      0,
      SLOT,
      slot * SLOT,
    );
  }

  /** Allocates blocks up to a slot: once in a thousand pods. */
  #makeRoom(size: number, slot: number): void {
    let end = size - (size % CHUNK);
    if ((slot + 1) * SLOT <= end) return;
    for (; end < (slot + 1) * SLOT; end += CHUNK) {
      const kept = end < size ? this.#read(end, size - end) : Buffer.alloc(0);
      writeSync(this.#open(), Buffer.concat([kept, Buffer.alloc(CHUNK)], CHUNK), 0, CHUNK, end);
    }
    fsyncSync(this.#open());
    syncDirectory(join(this.#path, '..'));
  }
}

/** The name of a range's file. */
export function leasesFile(range: Range): string {
  return `${range.cidr.replaceAll(':', '-').replace('/', '_')}.leases`;
}

/** The range of a file's name; undefined for other files. */
export function leasesRange(name: string): string | undefined {
  const match = /^([0-9a-f.-]+)_(\d+)\.leases$/.exec(name);
  return match ? `${match[1]?.replaceAll('-', ':')}/${match[2]}` : undefined;
}

/** A slot's content: '' when it is free, and when it holds what nobody wrote there. */
function slotText(table: Buffer, slot: number): string {
  const bytes = table.subarray(slot * SLOT, (slot + 1) * SLOT);
  const end = bytes.indexOf(0);
  const text = bytes.subarray(0, end < 0 ? bytes.length : end).toString('latin1');
  return isId(text) || text.startsWith(HEADER) ? text : '';
}
