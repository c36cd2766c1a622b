/**
 * Directories that a layer's archive does not name. `tmp/x` without `tmp/` says nothing of `/tmp`: unpacked over the lower
 * layers it keeps the mode and owner that they gave it. Stacked by overlayfs, the uppermost layer's directory counts, and
 * what the converter had to invent for it would win. So a stack that differs gets one more layer on top: the directories
 * in question, with the attributes that the layers give them, and nothing else.
 */

import { setImmediate } from 'node:timers/promises';
import { GantryError } from '../../base/index.ts';
import { type DirectoryAttributes, writeDirectoryTar } from './directory-tar.ts';
import { type ErofsInode, ErofsTree } from './erofs-tree.ts';

export interface StackedLayer {
  readonly file: string;
  /** As the converter writes them (`%XX`); '/' is the root. */
  readonly impliedDirectories: readonly string[];
}

export interface StackCorrection {
  /** A tar of directories; undefined where the stack is right as it is. */
  readonly tar: Buffer | undefined;
  /** Directories that hide a lower layer's symbolic link or file, where unpacking would have gone through the link. */
  readonly hiding: readonly string[];
}

/** Paths judged between two looks at the rest of the world: images with very many must not stop a server. */
const PATHS_AT_ONCE = 500;

/** In all layers of an image, and of those the ones that need a correction: each costs memory and time of the server. */
const IMPLIED_LIMIT = 300_000;
const CORRECTED_LIMIT = 50_000;

/** Errors: resource-exhausted, where the layers of an image leave too many directories unnamed. */
export function checkImplied(layers: Iterable<{ readonly impliedDirectories?: readonly string[] }>): void {
  let count = 0;
  for (const { impliedDirectories = [] } of layers) count += impliedDirectories.length;
  if (count > IMPLIED_LIMIT) throw tooMany(IMPLIED_LIMIT, 'directories that they do not name');
}

function tooMany(limit: number, what: string): GantryError {
  return new GantryError({
    code: 'resource-exhausted',
    operation: 'stack layers',
    message: `the image's layers have more than ${limit} ${what}; build it with archives that name their directories`,
  });
}

/**
 * Errors: resource-exhausted.
 *
 * @param stack lowest first
 * @param seen the first that shows: its root hides what those below have, but for the root directory's own attributes
 */
export async function correctStack(stack: readonly StackedLayer[], seen = 0): Promise<StackCorrection> {
  const candidates = new Set(stack.slice(seen + 1).flatMap((layer) => layer.impliedDirectories));
  if (seen > 0 && stack[seen]?.impliedDirectories.includes('/')) candidates.add('/');
  if (candidates.size === 0) return { tar: undefined, hiding: [] };
  const opened: OpenLayer[] = [];
  try {
    for (const { file, impliedDirectories } of stack) {
      opened.push({ tree: new ErofsTree(file), implied: new Set(impliedDirectories) });
    }
    return await correct(candidates, opened);
  } finally {
    for (const { tree } of opened) tree.close();
  }
}

interface OpenLayer {
  readonly tree: ErofsTree;
  readonly implied: ReadonlySet<string>;
}

async function correct(
  candidates: ReadonlySet<string>,
  stack: readonly OpenLayer[],
): Promise<StackCorrection> {
  const hiding: string[] = [];
  const wrong: string[] = [];
  let judged = 0;
  for (const path of candidates) {
    const { differs, hidesOther } = judgeDirectory(path, stack);
    if (hidesOther) hiding.push(path);
    if (differs) wrong.push(path);
    if (wrong.length > CORRECTED_LIMIT)
      throw tooMany(CORRECTED_LIMIT, 'directories whose attributes only lower layers know');
    if (++judged % PATHS_AT_ONCE === 0) await setImmediate();
  }
  if (wrong.length === 0) return { tar: undefined, hiding };
  // The layer on top is itself a stack of directories: parents must be named in it, or they would be invented again.
  const named = [...new Set(wrong.flatMap(withParents))];
  const directories: DirectoryAttributes[] = [];
  for (const path of named) {
    const { described } = judgeDirectory(path, stack);
    if (described !== undefined) directories.push(attributesOf(path, described));
    if (++judged % PATHS_AT_ONCE === 0) await setImmediate();
  }
  return { tar: writeDirectoryTar(directories.sort((a, b) => a.path.length - b.path.length)), hiding };
}

interface Judgement {
  /** What the uppermost layer that describes it says; undefined when none does. */
  readonly described: ErofsInode | undefined;
  /** Whether an invented directory above it says something else. */
  readonly differs: boolean;
  readonly hidesOther: boolean;
}

/** From the top down, as overlayfs looks: until somebody describes the directory, or hides everything below. */
function judgeDirectory(path: string, stack: readonly OpenLayer[]): Judgement {
  const components = decodePath(path);
  let invented: ErofsInode | undefined;
  for (const { tree, implied } of stack.toReversed()) {
    const found = tree.walk(components);
    const last = found.at(-1);
    const whole = found.length === components.length + 1;
    if (whole && last?.isDirectory) {
      if (!implied.has(path)) {
        return {
          described: last,
          differs: invented !== undefined && differ(last, invented),
          hidesOther: false,
        };
      }
      invented ??= last;
      continue;
    }
    if (last !== undefined && !last.isDirectory) {
      return { described: undefined, differs: false, hidesOther: invented !== undefined && !last.isWhiteout };
    }
    if (found.some((inode) => inode.isOpaque)) break;
  }
  return { described: undefined, differs: false, hidesOther: false };
}

/** Times do not count: unpacking would have changed them as well. */
function differ(a: ErofsInode, b: ErofsInode): boolean {
  const xattrs = (inode: ErofsInode): string =>
    JSON.stringify([...ownXattrs(inode)].map(([name, value]) => [name, value.toString('hex')]).sort());
  return a.mode !== b.mode || a.uid !== b.uid || a.gid !== b.gid || xattrs(a) !== xattrs(b);
}

function attributesOf(path: string, inode: ErofsInode): DirectoryAttributes {
  const { mode, uid, gid, mtime } = inode;
  return { path: decodePath(path), mode: mode & 0o7777, uid, gid, mtime, xattrs: ownXattrs(inode) };
}

/** The archive's; `trusted.` is overlayfs's, and the converter's. */
function ownXattrs(inode: ErofsInode): ReadonlyMap<string, Buffer> {
  return new Map([...inode.xattrs].filter(([name]) => !name.startsWith('trusted.')));
}

/** '/a/b' → '/', '/a', '/a/b' */
function withParents(path: string): string[] {
  const components = path.split('/').filter((part) => part !== '');
  return ['/', ...components.map((_part, i) => `/${components.slice(0, i + 1).join('/')}`)];
}

function decodePath(path: string): Buffer[] {
  return path
    .split('/')
    .filter((part) => part !== '')
    .map((part) => {
      const bytes = Buffer.from(part);
      const pieces: Buffer[] = [];
      for (let at = 0; at < bytes.length; ) {
        const escaped = bytes[at] === 0x25;
        const end = escaped ? at + 3 : nextPercent(bytes, at);
        const piece = bytes.subarray(at, end);
        pieces.push(escaped ? Buffer.from(piece.subarray(1).toString('latin1'), 'hex') : piece);
        at = end;
      }
      return Buffer.concat(pieces);
    });
}

function nextPercent(bytes: Buffer, from: number): number {
  const at = bytes.indexOf(0x25, from);
  return at < 0 ? bytes.length : at;
}
