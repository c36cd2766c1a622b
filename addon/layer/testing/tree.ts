import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  type BigIntStats,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';

/** Everything of a file that an image must keep. Paths' characters are bytes (latin1); inodes are named by their first path. */
export interface FileFacts {
  readonly mode: string;
  readonly uid: bigint;
  readonly gid: bigint;
  readonly links: bigint;
  readonly size?: bigint;
  readonly mtime: bigint;
  readonly device?: bigint;
  readonly sameAs: string;
  readonly content?: string;
  readonly xattrs: Readonly<Record<string, string>>;
}

const hashed = (path: Buffer): string => createHash('sha256').update(readFileSync(path)).digest('hex');

function facts(path: Buffer, stat: BigIntStats, sameAs: string, xattrs: Record<string, string>): FileFacts {
  const common = {
    mode: stat.mode.toString(8),
    uid: stat.uid,
    gid: stat.gid,
    links: stat.nlink,
    mtime: stat.mtimeNs,
    sameAs,
    xattrs,
  };
  if (stat.isFile()) return { ...common, size: stat.size, content: hashed(path) };
  if (stat.isSymbolicLink()) return { ...common, size: stat.size, content: readlinkSync(path, 'latin1') };
  if (stat.isBlockDevice() || stat.isCharacterDevice()) return { ...common, device: stat.rdev };
  return common;
}

/** getfattr's own quoting: a backslash and three octal digits for a byte. */
const unquoted = (text: string): string =>
  text.replaceAll(/\\([0-7]{3})/g, (_whole, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );

function xattrsBelow(root: string): Map<string, Record<string, string>> {
  const text = execFileSync('getfattr', ['-R', '-P', '-h', '-d', '-m', '-', '-e', 'hex', '--', '.'], {
    cwd: root,
    encoding: 'latin1',
    maxBuffer: 256 << 20,
  });
  const found = new Map<string, Record<string, string>>();
  for (const paragraph of text.split('\n\n').filter((part) => part !== '')) {
    const [first = '', ...lines] = paragraph.split('\n');
    const pairs = lines.map((line) => line.split('=', 2) as [string, string?]);
    const name = unquoted(first.replace('# file: ', ''));
    found.set(
      name === '.' ? '' : name.replace(/^\.\//, ''),
      Object.fromEntries(
        pairs.filter(([key]) => key !== '').map(([key, value]) => [unquoted(key), value ?? '']),
      ),
    );
  }
  return found;
}

/** Path (relative, '' is the root) → facts, of everything below `root`. */
export function readTree(root: string): Map<string, FileFacts> {
  const xattrs = xattrsBelow(root);
  const firstPath = new Map<bigint, string>();
  const tree = new Map<string, FileFacts>();
  const visit = (path: string): void => {
    const absolute = Buffer.concat([Buffer.from(`${root}/`), Buffer.from(path, 'latin1')]);
    const stat = lstatSync(absolute, { bigint: true });
    const sameAs = firstPath.get(stat.ino) ?? path;
    firstPath.set(stat.ino, sameAs);
    tree.set(path, facts(absolute, stat, sameAs, xattrs.get(path) ?? {}));
    if (!stat.isDirectory()) return;
    for (const name of readdirSync(absolute, { encoding: 'latin1' }).sort()) {
      visit(path === '' ? name : `${path}/${name}`);
    }
  };
  visit('');
  return tree;
}

/** The tree of an image that fsck.erofs accepts, mounted read-only through a loop device while it is read. */
export function readImage(image: string): Map<string, FileFacts> {
  return whileMounted(image, readTree);
}

export function whileMounted<T>(image: string, use: (root: string) => T): T {
  execFileSync('fsck.erofs', ['-d1', image], { stdio: ['ignore', 'pipe', 'pipe'] });
  const root = `${image}.mounted`;
  mkdirSync(root);
  execFileSync('mount', ['-t', 'erofs', '-o', 'ro,loop', image, root]);
  try {
    return use(root);
  } finally {
    execFileSync('umount', [root]);
    rmSync(root, { recursive: true });
  }
}

/** What GNU tar makes of an archive, in a directory of its own. */
export function unpack(archive: string, into: string): Map<string, FileFacts> {
  mkdirSync(into);
  execFileSync(
    'tar',
    ['--xattrs', '--xattrs-include=*', '--numeric-owner', '--same-owner', '-xpf', archive, '-C', into],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  try {
    return readTree(into);
  } finally {
    rmSync(into, { recursive: true });
  }
}

/** For messages: only what differs. */
export function differences(
  ours: ReadonlyMap<string, FileFacts>,
  theirs: ReadonlyMap<string, FileFacts>,
): Record<string, unknown>[] {
  const text = (value: FileFacts | undefined): string | undefined =>
    value === undefined
      ? undefined
      : JSON.stringify(value, (_key, v) => (typeof v === 'bigint' ? `${v}n` : v));
  return [...new Set([...ours.keys(), ...theirs.keys()])]
    .filter((path) => text(ours.get(path)) !== text(theirs.get(path)))
    .map((path) => ({ path, ours: text(ours.get(path)), theirs: text(theirs.get(path)) }));
}

export const at = (directory: string, name: string): string => join(directory, name);
