/**
 * Reads directories and their attributes out of a layer's EROFS file, without mounting it: what a stack of layers says of
 * a directory must be known before the stack is mounted (`implied.ts`). Only the part of the format that the converter
 * writes (Linux, fs/erofs/erofs_fs.h); every offset is checked against the file.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const BLOCK = 4096;
const SLOT = 32;
const DIRENT = 12;
const SUPER_AT = 1024;
const MAGIC = 0xe0f5e1e2;
/** Of the directories that are walked through; far more than any real one. */
const DIRECTORY_LIMIT = 64 << 20;

const prefixes: Readonly<Record<number, string>> = {
  1: 'user.',
  2: 'system.posix_acl_access',
  3: 'system.posix_acl_default',
  4: 'trusted.',
  6: 'security.',
};

export interface ErofsInode {
  /** With the type's bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since the epoch. */
  readonly mtime: bigint;
  readonly xattrs: ReadonlyMap<string, Buffer>;
  readonly isDirectory: boolean;
  /** Hides what lower layers have under its name. */
  readonly isWhiteout: boolean;
  readonly isOpaque: boolean;
}

interface RawInode extends ErofsInode {
  readonly nid: number;
  readonly layout: number;
  readonly size: number;
  readonly place: number;
  /** Where its inline data is. */
  readonly tailAt: number;
}

export class ErofsTree {
  readonly #fd: number;
  readonly #size: number;
  readonly #root: number;
  readonly #buildTime: bigint;
  /** Directories that were read, by inode: names (as Latin-1) to inodes. */
  readonly #directories = new Map<number, ReadonlyMap<string, number>>();

  /** Throws RangeError where the file is not what the converter writes. */
  constructor(path: string) {
    this.#fd = openSync(path, 'r');
    try {
      this.#size = fstatSync(this.#fd).size;
      const block = this.#read(SUPER_AT, 128);
      if (block.readUInt32LE(0) !== MAGIC || block[12] !== 12)
        throw new RangeError(`${path} is no layer's file`);
      this.#root = block.readUInt16LE(14);
      this.#buildTime = block.readBigUInt64LE(24);
    } catch (error) {
      closeSync(this.#fd);
      throw error;
    }
  }

  close(): void {
    closeSync(this.#fd);
  }

  /** The inodes from the root down along `path`; it ends early where a component is absent or no directory. */
  walk(path: readonly Buffer[]): readonly ErofsInode[] {
    let at = this.#inode(this.#root);
    const found: RawInode[] = [at];
    for (const name of path) {
      if (!at.isDirectory) break;
      const nid = this.#entries(at).get(name.toString('latin1'));
      if (nid === undefined) break;
      at = this.#inode(nid);
      found.push(at);
    }
    return found;
  }

  #inode(nid: number): RawInode {
    const at = nid * SLOT;
    const head = this.#read(at, SLOT);
    const format = head.readUInt16LE(0);
    const extended = (format & 1) === 1;
    const bytes = extended ? this.#read(at, 2 * SLOT) : head;
    const xattrCount = bytes.readUInt16LE(2);
    const xattrsAt = at + bytes.length;
    const xattrSize = xattrCount === 0 ? 0 : 12 + 4 * (xattrCount - 1);
    const xattrs = xattrSize === 0 ? new Map<string, Buffer>() : parseXattrs(this.#read(xattrsAt, xattrSize));
    const mode = bytes.readUInt16LE(4);
    const place = bytes.readUInt32LE(16);
    const type = mode & 0o170000;
    return {
      nid,
      mode,
      uid: extended ? bytes.readUInt32LE(24) : bytes.readUInt16LE(24),
      gid: extended ? bytes.readUInt32LE(28) : bytes.readUInt16LE(26),
      mtime: extended ? bytes.readBigInt64LE(32) : this.#buildTime,
      xattrs,
      isDirectory: type === 0o040000,
      isWhiteout: type === 0o020000 && place === 0,
      isOpaque: xattrs.get('trusted.overlay.opaque')?.toString() === 'y',
      layout: (format >> 1) & 7,
      size: extended ? Number(bytes.readBigUInt64LE(8)) : bytes.readUInt32LE(8),
      place,
      tailAt: xattrsAt + xattrSize,
    };
  }

  #entries(directory: RawInode): ReadonlyMap<string, number> {
    const known = this.#directories.get(directory.nid);
    if (known !== undefined) return known;
    const entries = this.#readDirectory(directory);
    this.#directories.set(directory.nid, entries);
    return entries;
  }

  /** Blocks of entries, each block with its names behind them; the last may lie behind the inode. */
  #readDirectory({ size, layout, place, tailAt }: RawInode): ReadonlyMap<string, number> {
    if (size > DIRECTORY_LIMIT || (layout !== 0 && layout !== 2))
      throw new RangeError('unreadable directory');
    const whole = layout === 2 ? Math.floor(size / BLOCK) * BLOCK : size;
    const entries = new Map<string, number>();
    for (let at = 0; at < size; at += BLOCK) {
      const length = Math.min(BLOCK, size - at);
      parseEntries(this.#read(at < whole ? place * BLOCK + at : tailAt, length), entries);
    }
    return entries;
  }

  #read(at: number, length: number): Buffer {
    if (at < 0 || length < 0 || at + length > this.#size)
      throw new RangeError(`offset ${at} is outside of the file`);
    const buffer = Buffer.alloc(length);
    if (readSync(this.#fd, buffer, 0, length, at) !== length) throw new RangeError('the file ends early');
    return buffer;
  }
}

function parseEntries(block: Buffer, entries: Map<string, number>): void {
  const count = Math.floor(block.readUInt16LE(8) / DIRENT);
  for (let i = 0; i < count; i++) {
    const start = block.readUInt16LE(i * DIRENT + 8);
    const end = i + 1 < count ? block.readUInt16LE((i + 1) * DIRENT + 8) : block.length;
    // Only a block's last name may be padded, with zeros, which no name has.
    const name = block.subarray(start, end).toString('latin1').split('\0', 1)[0] ?? '';
    entries.set(name, Number(block.readBigUInt64LE(i * DIRENT)));
  }
}

function parseXattrs(bytes: Buffer): Map<string, Buffer> {
  const xattrs = new Map<string, Buffer>();
  if ((bytes[4] ?? 0) !== 0) throw new RangeError('shared attributes, which the converter does not write');
  for (let at = 12; at + 4 <= bytes.length; ) {
    const nameLength = bytes[at] ?? 0;
    const index = bytes[at + 1] ?? 0;
    const valueSize = bytes.readUInt16LE(at + 2);
    if (index === 0) break;
    const nameAt = at + 4;
    const name = `${prefixes[index] ?? `${index}?`}${bytes.subarray(nameAt, nameAt + nameLength).toString('latin1')}`;
    xattrs.set(name, bytes.subarray(nameAt + nameLength, nameAt + nameLength + valueSize));
    at = nameAt + nameLength + valueSize;
    at += (4 - (at % 4)) % 4;
  }
  return xattrs;
}
