import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Converted, convert, refuse } from './testing/convert.ts';
import { pattern } from './testing/source.ts';
import { archive, GNU, header, type MemberFields, member, padded, paxHeader } from './testing/tar.ts';
import { type FileFacts, readImage } from './testing/tree.ts';

let directory: string;
let serial = 0;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'gnt-layer-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const nextImage = (): string => {
  serial += 1;
  return join(directory, `${serial}.erofs`);
};

function layer(...members: readonly (MemberFields | Uint8Array)[]): {
  result: Converted;
  tree: Map<string, FileFacts>;
} {
  const image = nextImage();
  const result = convert(archive(...members), image);
  return { result, tree: readImage(image) };
}

/** Two's complement in base 256, as GNU and star write numbers that octal cannot hold. */
function base256(value: bigint, length: number): Buffer {
  const out = Buffer.alloc(length);
  for (let i = length - 1, rest = value; i >= 0; i -= 1, rest >>= 8n) out[i] = Number(rest & 0xffn);
  out[0] = (out[0] ?? 0) | 0x80;
  return out;
}

describe('numbers', () => {
  test.each<[string, Partial<MemberFields>, Partial<FileFacts>]>([
    [
      'base 256',
      {
        raw: [
          [108, base256(4_000_000_000n, 8)],
          [136, base256(1n << 35n, 12)],
        ],
      },
      { uid: 4_000_000_000n, mtime: (1n << 35n) * 10n ** 9n },
    ],
    [
      'negative base 256',
      {
        raw: [
          [108, base256(-2n, 8)],
          [136, base256(-3600n, 12)],
        ],
      },
      { uid: 4_294_967_294n, mtime: -3600n * 10n ** 9n },
    ],
    ['octal behind spaces, with a rest behind the end', { raw: [[108, '   17 \0x']] }, { uid: 15n }],
    ['nothing but blanks', { raw: [[108, '        ']] }, { uid: 0n }],
    [
      'PAX owners',
      {
        pax: [
          ['uid', '3000000000'],
          ['gid', '65536'],
        ],
      },
      { uid: 3_000_000_000n, gid: 65_536n },
    ],
    ['PAX time', { pax: [['mtime', '1700000000.123456789123']] }, { mtime: 1_700_000_000_123_456_789n }],
    ['PAX time before the epoch', { pax: [['mtime', '-1.25']] }, { mtime: -1_250_000_000n }],
    ['PAX time less than a second before it', { pax: [['mtime', '-0.000000001']] }, { mtime: -1n }],
    [
      'PAX records that say nothing',
      {
        uid: 3,
        pax: [
          ['uid', ''],
          ['mtime', ''],
          ['comment', 'x'],
          ['VENDOR.key', '\xff'],
        ],
      },
      { uid: 3n, mtime: 0n },
    ],
  ])('%s', (_name, fields, expected) => {
    expect(layer({ name: 'f', content: 'x', ...fields }).tree.get('f')).toMatchObject(expected);
  });

  test('a signed checksum is taken', () => {
    const block = header({ name: '\xff\xff' });
    const signed = block.reduce(
      (sum, byte, at) => sum + (at >= 148 && at < 156 ? 32 : (byte << 24) >> 24),
      0,
    );
    expect(layer(header({ name: '\xff\xff', checksum: signed })).tree.has('\xff\xff')).toBe(true);
  });

  test('a PAX size wins over the header', () => {
    const content = pattern(5000);
    const { tree } = layer(paxHeader([['size', '5000']]), header({ name: 'f', size: 0 }), padded(content), {
      name: 'g',
    });
    expect([tree.get('f')?.size, tree.has('g')]).toEqual([5000n, true]);
  });

  test('links and directories have no content, whatever their size says', () => {
    const { tree } = layer(
      { name: 'd', type: '5', size: 4096 },
      { name: 's', type: '2', link: 'd', size: 9 },
      { name: 'f' },
    );
    expect([...tree.keys()]).toEqual(['', 'd', 'f', 's']);
  });
});

describe('global PAX records', () => {
  test('hold for all that follows, until a member says otherwise', () => {
    const { tree } = layer(
      { name: 'before' },
      paxHeader(
        [
          ['mtime', '5'],
          ['uid', '9'],
          ['comment', 'made by hand'],
        ],
        'g',
      ),
      { name: 'a' },
      { name: 'b', pax: [['mtime', '6.5']] },
      { name: 'c', uid: 4, pax: [['uid', '']] },
      paxHeader([['uid', '10']], 'g'),
      { name: 'd' },
    );
    const seen = ['before', 'a', 'b', 'c', 'd'].map((path) => [tree.get(path)?.uid, tree.get(path)?.mtime]);
    expect(seen).toEqual([
      [0n, 0n],
      [9n, 5_000_000_000n],
      [9n, 6_500_000_000n],
      [4n, 5_000_000_000n],
      [10n, 5_000_000_000n],
    ]);
  });
});

describe('long names', () => {
  test('by GNU headers, which win over everything', () => {
    const name = `${'d'.repeat(200)}/${'f'.repeat(255)}`;
    const target = 'T'.repeat(300);
    const { tree } = layer(
      member({ name: '././@LongLink', type: 'K', content: `${target}\0`, magic: GNU }),
      member({ name: '././@LongLink', type: 'L', content: `${name}\0`, magic: GNU }),
      { name: name.slice(0, 100), type: '2', link: target.slice(0, 100), magic: GNU },
    );
    expect(tree.get(name)?.content).toBe(target);
  });

  test('by a ustar prefix, which GNU headers do not have', () => {
    const { tree } = layer(
      { name: 'name', raw: [[345, 'pre/fix']] },
      { name: 'other', magic: GNU, raw: [[345, 'no prefix']] },
    );
    expect([...tree.keys()]).toEqual(['', 'other', 'pre', 'pre/fix', 'pre/fix/name']);
  });

  test("star's header has a shorter prefix, times behind it", () => {
    const raw = [
      [345, 'p'],
      [476, '12345670123 '],
      [508, 'tar\0'],
    ] as const;
    expect([...layer({ name: 'f', raw }).tree.keys()]).toEqual(['', 'p', 'p/f']);
  });
});

describe('extended attributes', () => {
  const acl = Buffer.from('0200000001000600ffffffff04000400ffffffff20000400ffffffff', 'hex');

  test('what Linux would take is kept', () => {
    const { tree, result } = layer(
      {
        name: 'f',
        pax: [
          ['SCHILY.xattr.security.capability', '\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0'],
          ['SCHILY.xattr.user.empty', ''],
          ['SCHILY.xattr.user.equals', 'a=b\nc'],
          ['SCHILY.xattr.system.posix_acl_access', acl],
        ],
      },
      { name: 's', type: '2', link: 'f', pax: [['SCHILY.xattr.security.selinux', 'label\0']] },
      { name: 'd', type: '5', pax: [['SCHILY.xattr.system.posix_acl_default', acl]] },
    );
    expect(tree.get('f')?.xattrs).toEqual({
      'security.capability': `0x${'0100000200040000000000000000000000000000'}`,
      'user.empty': '0x',
      'user.equals': '0x613d620a63',
      'system.posix_acl_access': `0x${acl.toString('hex')}`,
    });
    expect(tree.get('s')?.xattrs).toEqual({ 'security.selinux': '0x6c6162656c00' });
    expect(tree.get('d')?.xattrs).toEqual({ 'system.posix_acl_default': `0x${acl.toString('hex')}` });
    expect(result.droppedXattrs).toBe(0);
  });

  test("libarchive writes them in base 64; where both are, star's counts", () => {
    const pax = [
      ['LIBARCHIVE.xattr.user.a%20b', Buffer.from('value').toString('base64').replace('=', '')],
      ['LIBARCHIVE.xattr.user.twice', Buffer.from('libarchive').toString('base64')],
      ['SCHILY.xattr.user.twice', 'star'],
    ] as const;
    const xattrs = layer({ name: 'f', pax }).tree.get('f')?.xattrs;
    expect(xattrs).toEqual({ 'user.a b': '0x76616c7565', 'user.twice': '0x73746172' });
  });

  test('what would steer overlayfs, or what Linux has no place for, is dropped and counted', () => {
    const { tree, result } = layer(
      {
        name: 'd',
        type: '5',
        pax: [
          ['SCHILY.xattr.trusted.overlay.opaque', 'y'],
          ['SCHILY.xattr.trusted.overlay.redirect', '/etc'],
          ['SCHILY.xattr.trusted.other', 'x'],
          ['SCHILY.xattr.user.overlay.opaque', 'y'],
          ['SCHILY.xattr.com.apple.provenance', 'x'],
          ['SCHILY.xattr.user.', 'x'],
          ['SCHILY.xattr.user.kept', 'k'],
        ],
      },
      { name: 's', type: '2', link: 'd', pax: [['SCHILY.xattr.user.on-a-symlink', 'x']] },
    );
    expect(tree.get('d')?.xattrs).toEqual({ 'user.kept': '0x6b' });
    expect(tree.get('s')?.xattrs).toEqual({});
    expect(result.droppedXattrs).toBe(7);
  });

  test('large ones run over blocks', () => {
    const value = pattern(9000, 3);
    const pax = Array.from({ length: 5 }, (_, n) => [`SCHILY.xattr.user.${n}`, value] as const);
    const { tree } = layer(
      { name: 'before' },
      { name: 'f', content: pattern(5000), pax },
      { name: 'd/e', type: '5', pax },
      { name: 'after' },
    );
    for (const path of ['f', 'd/e']) {
      expect(Object.values(tree.get(path)?.xattrs ?? {})).toEqual(
        Array(5).fill(`0x${value.toString('hex')}`),
      );
    }
    expect(tree.get('f')?.size).toBe(5000n);
  });

  test.each<[string, string, Uint8Array | string, string]>([
    ['a value larger than EROFS can hold', 'user.x', Buffer.alloc(65_536), 'unsupported'],
    ['an ACL that is none', 'system.posix_acl_access', 'rwx', 'malformed'],
    ['a name that is too long', `user.${'n'.repeat(251)}`, 'x', 'malformed'],
  ])('%s is refused', (_name, key, value, kind) => {
    const made = archive({ name: 'f', pax: [[`SCHILY.xattr.${key}`, value]] });
    expect(refuse(made, nextImage())).toMatchObject({ status: 3, kind, entry: 'f' });
  });
});

describe('sparse files', () => {
  const terabyte = 1024 ** 4;
  const map = (...numbers: number[]): readonly (readonly [string, string])[] => [
    ['GNU.sparse.major', '0'],
    ['GNU.sparse.minor', '1'],
    ['GNU.sparse.name', 'sparse'],
    ['GNU.sparse.size', String(terabyte)],
    ['GNU.sparse.map', numbers.join(',')],
  ];

  test('a terabyte of holes takes next to nothing', () => {
    const image = nextImage();
    const made = archive({ name: 'x', content: pattern(8192), pax: map(4096, 4096, terabyte - 4096, 4096) });
    const result = convert(made, image);
    expect(result.minimumKernel).toBe('5.15');
    expect(statSync(image).size).toBeLessThan(8 << 20);
  });

  test('and without holes in the image a limit is hit instead', () => {
    const made = archive({ name: 'x', content: pattern(8192), pax: map(4096, 4096, terabyte - 4096, 4096) });
    const options = ['--holes', 'expand', '--max-bytes', String(1 << 30)];
    expect(refuse(made, nextImage(), options)).toMatchObject({ status: 3, kind: 'limit' });
  });

  test('holes are kept or filled, the content is the same', () => {
    const content = pattern(12_288);
    const numbers = [1 << 20, 4096, 2 << 20, 8192].join(',');
    const pax = [
      ['GNU.sparse.major', '0'],
      ['GNU.sparse.minor', '1'],
      ['GNU.sparse.name', 'sparse'],
      ['GNU.sparse.size', String(4 << 20)],
      ['GNU.sparse.map', numbers],
    ] as const;
    const [kept, filled] = [nextImage(), nextImage()];
    const made = archive({ name: 'x', content, pax });
    expect(convert(made, kept).minimumKernel).toBe('5.15');
    expect(convert(made, filled, ['--holes', 'expand']).minimumKernel).toBe('5.10');
    expect(readImage(kept).get('sparse')).toEqual(readImage(filled).get('sparse'));
    expect(readFileSync(kept).length).toBeLessThan(readFileSync(filled).length / 10);
  });
});
