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
/** Those in the middle of a search are wanted again and again. */
const BLOCKS_KEPT = 32;
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
  readonly #root: RawInode;
  /** Blocks of directories that were read last, by their place in the file. */
  readonly #blocks = new Map<number, Buffer>();
  readonly #buildTime: bigint;

  /** Throws RangeError where the file is not what the converter writes. */
  constructor(path: string) {
    this.#fd = openSync(path, 'r');
    try {
      this.#size = fstatSync(this.#fd).size;
      const block = this.#read(SUPER_AT, 128);
      if (block.readUInt32LE(0) !== MAGIC || block[12] !== 12)
        throw new RangeError(`${path} is no layer's file`);
      this.#buildTime = block.readBigUInt64LE(24);
      this.#root = this.#inode(block.readUInt16LE(14));
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
    let at = this.#root;
    const found: RawInode[] = [at];
    for (const name of path) {
      if (!at.isDirectory) break;
      const nid = this.#lookUp(at, name);
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

  /**
   * Blocks of entries, each block with its names behind them, all in the order of the names' bytes; the last may lie behind the inode.
   * Only blocks on the way to the name are read: whoever made the image decides how large a directory is.
   */
  #lookUp(directory: RawInode, name: Buffer): number | undefined {
    const { size, layout } = directory;
    if (layout !== 0 && layout !== 2) throw new RangeError('unreadable directory');
    let [first, behind] = [0, Math.ceil(size / BLOCK)];
    while (first < behind) {
      const middle = (first + behind) >> 1;
      const found = findName(this.#directoryBlock(directory, middle), name);
      if (typeof found === 'number') return found;
      if (found === 'before') behind = middle;
      else first = middle + 1;
    }
    return undefined;
  }

  #directoryBlock({ size, layout, place, tailAt }: RawInode, index: number): Buffer {
    const begin = index * BLOCK;
    const isTail = layout === 2 && begin + BLOCK > size;
    const at = isTail ? tailAt : place * BLOCK + begin;
    const known = this.#blocks.get(at);
    if (known !== undefined) return known;
    const block = this.#read(at, Math.min(BLOCK, size - begin));
    this.#blocks.set(at, block);
    const [oldest] = this.#blocks.keys();
    if (this.#blocks.size > BLOCKS_KEPT && oldest !== undefined) this.#blocks.delete(oldest);
    return block;
  }

  #read(at: number, length: number): Buffer {
    if (at < 0 || length < 0 || at + length > this.#size)
      throw new RangeError(`offset ${at} is outside of the file`);
    const buffer = Buffer.alloc(length);
    if (readSync(this.#fd, buffer, 0, length, at) !== length) throw new RangeError('the file ends early');
    return buffer;
  }
}

/** The inode of an entry, or whether the name can only be in a block before or behind this one. */
function findName(block: Buffer, name: Buffer): number | 'before' | 'behind' {
  const count = Math.floor(block.readUInt16LE(8) / DIRENT);
  let [first, behind] = [0, count];
  while (first < behind) {
    const middle = (first + behind) >> 1;
    const start = block.readUInt16LE(middle * DIRENT + 8);
    const end = middle + 1 < count ? block.readUInt16LE((middle + 1) * DIRENT + 8) : endOfLast(block, start);
    const order = block.compare(name, 0, name.length, start, end);
    if (order === 0) return Number(block.readBigUInt64LE(middle * DIRENT));
    if (order > 0) behind = middle;
    else first = middle + 1;
  }
  return first === 0 ? 'before' : 'behind';
}

/** Only a block's last name may be padded, with zeros, which no name has. */
function endOfLast(block: Buffer, start: number): number {
  const padding = block.indexOf(0, start);
  return padding < 0 ? block.length : padding;
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
