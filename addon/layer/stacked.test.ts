import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { convert } from './testing/convert.ts';
import { archive, type MemberFields } from './testing/tar.ts';
import { type FileFacts, readTree, whileMounted } from './testing/tree.ts';

let directory: string;
let serial = 0;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'gnt-layer-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const dir = (name: string, mode = 0o755): MemberFields => ({ name, type: '5', mode });
const file = (name: string, content = name): MemberFields => ({ name, content });

/** What a container sees of layers, lowest first, stacked by the kernel's overlayfs. */
function stacked(...layers: readonly (readonly MemberFields[])[]): Map<string, FileFacts> {
  const images = layers.map((members) => {
    serial += 1;
    const image = join(directory, `${serial}.erofs`);
    convert(archive(...members), image);
    return image;
  });
  const empty = join(directory, `${serial}.empty`);
  const merged = join(directory, `${serial}.merged`);
  mkdirSync(empty);
  mkdirSync(merged);
  const withAll = (rest: readonly string[], roots: readonly string[]): Map<string, FileFacts> => {
    const [next, ...others] = rest;
    if (next !== undefined) return whileMounted(next, (root) => withAll(others, [root, ...roots]));
    // overlayfs wants two lower layers where there is no upper one.
    execFileSync('mount', [
      '-t',
      'overlay',
      '-o',
      `ro,lowerdir=${[...roots, empty].join(':')}`,
      'gnt-layer',
      merged,
    ]);
    try {
      return readTree(merged);
    } finally {
      execFileSync('umount', [merged]);
    }
  };
  return withAll(images, []);
}

const paths = (tree: Map<string, FileFacts>): string[] => [...tree.keys()].filter((path) => path !== '');

describe('layers on top of each other', () => {
  const base = [dir('d', 0o750), file('d/x'), file('d/y'), file('top'), dir('e'), file('e/z')];

  test.each<[string, MemberFields[], string[]]>([
    ['a layer adds', [file('d/new')], ['d', 'd/new', 'd/x', 'd/y', 'e', 'e/z', 'top']],
    ['a whiteout removes a file', [file('d/.wh.x'), file('.wh.top')], ['d', 'd/y', 'e', 'e/z']],
    ['a whiteout removes a directory', [file('.wh.d')], ['e', 'e/z', 'top']],
    [
      'an opaque directory starts anew',
      [file('d/.wh..wh..opq'), file('d/new')],
      ['d', 'd/new', 'e', 'e/z', 'top'],
    ],
    [
      'so does one that is whited out and made again',
      [file('.wh.d'), dir('d'), file('d/new')],
      ['d', 'd/new', 'e', 'e/z', 'top'],
    ],
    [
      'and one that a file replaced in between',
      [file('d'), dir('d'), file('d/new')],
      ['d', 'd/new', 'e', 'e/z', 'top'],
    ],
    ['a file takes a directory away', [file('d')], ['d', 'e', 'e/z', 'top']],
    [
      'a whiteout of what is not there is nothing',
      [file('.wh.never'), file('no/.wh.where')],
      ['d', 'd/x', 'd/y', 'e', 'e/z', 'no', 'top'],
    ],
    [
      'a whiteout spares its own layer',
      [file('.wh.top'), file('top', 'other')],
      ['d', 'd/x', 'd/y', 'e', 'e/z', 'top'],
    ],
  ])('%s', (_name, upper, expected) => {
    expect(paths(stacked(base, upper)).sort()).toEqual(expected);
  });

  test('an attribute of the image cannot make a directory opaque or move it', () => {
    const pax = [
      ['SCHILY.xattr.trusted.overlay.opaque', 'y'],
      ['SCHILY.xattr.trusted.overlay.redirect', '/e'],
    ] as const;
    expect(paths(stacked(base, [{ ...dir('d'), pax }])).sort()).toEqual(paths(stacked(base)).sort());
  });

  test('a layer of attributes alone, on top, gives implied directories back what lower layers said of them', () => {
    const upper = [file('d/new')];
    expect(stacked(base, upper).get('d')?.mode).toBe('40755');
    const restored = stacked(base, upper, [{ ...dir('d', 0o750), uid: 3, mtime: 5 }]);
    expect(restored.get('d')).toMatchObject({ mode: '40750', uid: 3n, mtime: 5_000_000_000n });
    expect(paths(restored)).toEqual(paths(stacked(base, upper)));
  });
});
