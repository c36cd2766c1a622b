import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Converted, convert } from './testing/convert.ts';
import { archive, type MemberFields } from './testing/tar.ts';
import { type FileFacts, readImage } from './testing/tree.ts';

let directory: string;
let serial = 0;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'gnt-layer-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function layer(...members: readonly (MemberFields | Uint8Array)[]): {
  result: Converted;
  tree: Map<string, FileFacts>;
} {
  serial += 1;
  const image = join(directory, `${serial}.erofs`);
  const result = convert(archive(...members), image);
  return { result, tree: readImage(image) };
}

const dir = (name: string, mode = 0o755): MemberFields => ({ name, type: '5', mode });
const file = (name: string, content = name): MemberFields => ({ name, content });
const link = (name: string, to: string): MemberFields => ({ name, type: '2', link: to });
const hard = (name: string, to: string): MemberFields => ({ name, type: '1', link: to });

/** Each path with a letter for its type: what `ls -F` would show. */
function shape(tree: Map<string, FileFacts>): string[] {
  return [...tree].filter(([path]) => path !== '').map(([path, facts]) => path + suffix(facts));
}
function suffix(facts: FileFacts): string {
  if (facts.mode.startsWith('40')) return facts.xattrs['trusted.overlay.opaque'] === '0x79' ? '/!' : '/';
  if (facts.mode.startsWith('12')) return '@';
  if (facts.mode === '20000' && facts.device === 0n) return '×';
  return '';
}

describe('names', () => {
  test.each<[string, MemberFields[], string[]]>([
    [
      'leading slashes and dots go',
      [file('/etc/a'), file('./etc/b'), file('//etc//./c')],
      ['etc/', 'etc/a', 'etc/b', 'etc/c'],
    ],
    ['two dots are resolved in the name', [file('etc/x/../a')], ['etc/', 'etc/a']],
    [
      'two dots never leave the root',
      [file('../../../etc/passwd'), file('/../b')],
      ['b', 'etc/', 'etc/passwd'],
    ],
    ['a file cannot be the root', [file('.'), file('/'), file('a/..'), file('')], []],
    ['a directory name may end in a slash', [dir('a/'), file('a/b')], ['a/', 'a/b']],
    [
      'an old directory is a file whose name ends in one',
      [{ name: 'a/', type: '\0' }, file('a/b')],
      ['a/', 'a/b'],
    ],
    ['type 7 is a file', [{ name: 'contiguous', type: '7', content: 'x' }], ['contiguous']],
    ['parents are made', [file('a/b/c/d')], ['a/', 'a/b/', 'a/b/c/', 'a/b/c/d']],
  ])('%s', (_name, members, expected) => {
    expect(shape(layer(...members).tree)).toEqual(expected);
  });

  test('bytes that are no text are kept', () => {
    const { tree } = layer(file('\xff\x01\x80'), file('d\xfe/f'));
    expect(shape(tree)).toEqual(['d\xfe/', 'd\xfe/f', '\xff\x01\x80']);
  });

  test('symlinks in the parent lead within the layer', () => {
    const members = [
      dir('usr/lib'),
      link('lib', 'usr/lib'),
      file('lib/a'),
      link('abs', '/usr/lib'),
      file('abs/b'),
      link('out', '../../../../usr'),
      file('out/c'),
      link('usr/up', '..'),
      file('usr/up/d'),
      link('chain', 'lib'),
      file('chain/e'),
      link('nowhere', 'missing/sub'),
      file('nowhere/f'),
    ];
    expect(shape(layer(...members).tree)).toEqual([
      'abs@',
      'chain@',
      'd',
      'lib@',
      'missing/',
      'missing/sub/',
      'missing/sub/f',
      'nowhere@',
      'out@',
      'usr/',
      'usr/c',
      'usr/lib/',
      'usr/lib/a',
      'usr/lib/b',
      'usr/lib/e',
      'usr/up@',
    ]);
  });
});

describe('the last member of a name wins', () => {
  test.each<[string, MemberFields[], string[]]>([
    ['file over file', [file('a', 'old'), file('a', 'new')], ['a']],
    ['directory over directory keeps what is in it', [dir('a'), file('a/b'), dir('a', 0o700)], ['a/', 'a/b']],
    ['file over directory takes what was in it away', [dir('a'), file('a/b'), file('a')], ['a']],
    [
      'directory over file hides what lower layers have there',
      [file('a'), dir('a'), file('a/b')],
      ['a/!', 'a/b'],
    ],
    ['symlink over directory', [dir('a'), file('a/b'), link('a', 'x')], ['a@']],
    ['directory, file, directory', [file('a/b'), file('a'), dir('a'), file('a/c')], ['a/!', 'a/c']],
  ])('%s', (_name, members, expected) => {
    expect(shape(layer(...members).tree)).toEqual(expected);
  });

  test('with its content, mode and owner', () => {
    const { tree } = layer(file('a', 'old'), {
      name: 'a',
      content: 'newer',
      mode: 0o600,
      uid: 5,
      gid: 6,
      mtime: 7,
    });
    expect(tree.get('a')).toMatchObject({
      mode: '100600',
      uid: 5n,
      gid: 6n,
      size: 5n,
      mtime: 7_000_000_000n,
    });
  });
});

describe('hard links', () => {
  test('share an inode and count, whatever they lead to', () => {
    const { tree } = layer(
      file('a'),
      hard('b', 'a'),
      hard('d/c', './b'),
      link('s', 'a'),
      hard('t', '/s'),
      { name: 'null', type: '3', major: 1, minor: 3 },
      hard('null2', 'null'),
      { name: 'fifo', type: '6' },
      hard('fifo2', 'fifo'),
    );
    expect(['a', 'b', 'd/c'].map((path) => tree.get(path)?.links)).toEqual([3n, 3n, 3n]);
    expect([tree.get('b')?.sameAs, tree.get('d/c')?.sameAs]).toEqual(['a', 'a']);
    expect([tree.get('t')?.sameAs, tree.get('t')?.content]).toEqual(['s', 'a']);
    expect([tree.get('null2')?.sameAs, tree.get('null2')?.device]).toEqual(['null', 259n]);
    expect(tree.get('fifo2')?.sameAs).toBe('fifo');
  });

  test('to oneself change nothing; to what is then replaced keep the old content', () => {
    const { tree } = layer(file('a', 'first'), hard('a', 'a'), hard('b', 'a'), file('a', 'second'));
    expect(tree.get('a')).toMatchObject({ size: 6n, links: 1n });
    expect(tree.get('b')).toMatchObject({ size: 5n, links: 1n });
  });

  test('are followed through a symlinked parent', () => {
    expect(layer(file('real/a'), link('alias', 'real'), hard('b', 'alias/a')).tree.get('b')?.links).toBe(2n);
  });

  test('of a time shared by all and of one of their own are counted alike', () => {
    const { tree } = layer(
      file('epoch'),
      { ...file('later'), mtime: 9 },
      hard('x', 'epoch'),
      hard('y', 'later'),
    );
    expect(['epoch', 'x', 'later', 'y'].map((path) => tree.get(path)?.links)).toEqual([2n, 2n, 2n, 2n]);
  });
});

describe('whiteouts', () => {
  test.each<[string, MemberFields[], string[]]>([
    ['hide what lower layers have', [file('d/.wh.gone'), file('.wh.top')], ['d/', 'd/gone×', 'top×']],
    [
      'do not touch a file of their own layer',
      [file('a'), file('.wh.a'), file('.wh.b'), file('b')],
      ['a', 'b'],
    ],
    ['make a directory of their own layer opaque', [dir('a'), file('a/x'), file('.wh.a')], ['a/!', 'a/x']],
    [
      'and so when it comes after them',
      [file('.wh.a'), dir('a'), file('.wh.b'), file('b/x')],
      ['a/!', 'b/!', 'b/x'],
    ],
    ['opaque marks show on the directory only', [file('d/.wh..wh..opq'), file('d/x')], ['d/!', 'd/x']],
    ['in whatever order', [file('d/x'), file('d/.wh..wh..opq'), dir('d', 0o700)], ['d/!', 'd/x']],
    [
      "aufs's own files are left out, and may be linked to",
      [
        dir('.wh..wh.plnk'),
        file('.wh..wh.plnk/7.9', 'x'),
        file('.wh..wh.aufs'),
        hard('a', '.wh..wh.plnk/7.9'),
      ],
      ['a'],
    ],
    ['a real device 0:0 is one too', [{ name: 'd', type: '3', mode: 0 }], ['d×']],
  ])('%s', (_name, members, expected) => {
    expect(shape(layer(...members).tree)).toEqual(expected);
  });

  test('are counted, and share one inode', () => {
    const { result, tree } = layer(file('.wh.a'), file('.wh.b'), file('d/.wh.c'), file('d/.wh..wh..opq'));
    expect(result).toMatchObject({ whiteouts: 3, entries: 4, rootOpaque: false });
    expect(tree.get('d/c')).toMatchObject({ sameAs: 'a', links: 3n });
  });

  test('an opaque root is reported', () => {
    const { result, tree } = layer(file('.wh..wh..opq'));
    expect(result).toMatchObject({ rootOpaque: true, impliedDirectories: ['/'] });
    expect(tree.get('')?.xattrs['trusted.overlay.opaque']).toBe('0x79');
  });
});

describe('the root and other directories that nobody describes', () => {
  test('an empty archive is an empty root', () => {
    const { result, tree } = layer();
    expect([...tree.keys()]).toEqual(['']);
    expect(tree.get('')).toMatchObject({ mode: '40755', uid: 0n, gid: 0n, mtime: 0n, links: 2n });
    expect(result).toMatchObject({ entries: 0, impliedDirectories: ['/'] });
  });

  test('a member for the root gives it its attributes', () => {
    const pax = [['SCHILY.xattr.user.root', 'r']] as const;
    const { result, tree } = layer({
      name: './',
      type: '5',
      mode: 0o1700,
      uid: 70000,
      gid: 7,
      mtime: 1e9,
      pax,
    });
    expect(tree.get('')).toMatchObject({
      mode: '41700',
      uid: 70000n,
      gid: 7n,
      mtime: 10n ** 18n,
      xattrs: { 'user.root': '0x72' },
    });
    expect(result.impliedDirectories).toEqual([]);
  });

  test('are listed, unless no lower layer can matter', () => {
    const { result } = layer(
      file('tmp/x'),
      dir('named'),
      file('named/implied/y'),
      file('hidden/.wh..wh..opq'),
      file('hidden/below/z'),
      file('50%/\xff/f'),
      file('\xc3\xa9/f'),
      file('.wh..wh.plnk/q'),
      file('gone/f'),
      file('gone'),
      file('replaced/f'),
      file('.wh.replaced'),
    );
    expect(result.impliedDirectories).toEqual([
      ...['/', '/tmp', '/named/implied', '/hidden', '/50%25', '/50%25/%FF', '/é'],
    ]);
  });

  test('stay listed until a later member describes them', () => {
    expect(layer(file('a/b/c'), dir('a', 0o700)).result.impliedDirectories).toEqual(['/', '/a/b']);
  });
});
