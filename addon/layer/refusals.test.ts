import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { convert, refuse, run } from './testing/convert.ts';
import { pattern } from './testing/source.ts';
import { archive, END, header, type MemberFields, member, padded, paxHeader } from './testing/tar.ts';

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

const raw = (name: string, at: number, value: string | Uint8Array): MemberFields => ({
  name,
  raw: [[at, value]],
});
const sparse = (size: string, map: string): MemberFields => ({
  name: 'f',
  content: 'x'.repeat(512),
  pax: [
    ['GNU.sparse.major', '0'],
    ['GNU.sparse.minor', '1'],
    ['GNU.sparse.size', size],
    ['GNU.sparse.map', map],
  ],
});
const longBase256 = Buffer.from([0x80, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
const negative = Buffer.alloc(12, 0xff);

/** Each a member that nobody can take, behind one of 512 bytes that is in order. */
const malformed: [string, MemberFields | Uint8Array, RegExp][] = [
  ['a wrong checksum', header({ name: 'f', checksum: 7 }), /checksum/],
  ['rubbish where a header should be', Buffer.alloc(512, 'rubbish '), /checksum/],
  ['a size that is no number', raw('f', 124, 'zzzzzzzzzzz\0'), /size/],
  ['a negative size', raw('f', 124, negative), /negative/],
  ['a size beyond 64 bits', raw('f', 124, longBase256), /size/],
  ['an owner beyond 32 bits', raw('f', 108, Buffer.from([0x80, 0, 0, 1, 0, 0, 0, 0])), /owner/],
  ['a PAX owner that is no number', { name: 'f', pax: [['uid', '12x']] }, /uid/],
  ['a PAX size that is negative', { name: 'f', pax: [['size', '-1']] }, /size/],
  ['a PAX size beyond 64 bits', { name: 'f', pax: [['size', '99999999999999999999']] }, /size/],
  ['a PAX time that is none', { name: 'f', pax: [['mtime', '1.x']] }, /mtime/],
  ['a PAX path with a NUL', { name: 'f', pax: [['path', 'a\0b']] }, /path/],
  [
    'a libarchive attribute that is not base 64',
    { name: 'f', pax: [['LIBARCHIVE.xattr.user.a', '*']] },
    /LIBARCHIVE/,
  ],
  ['a name of 256 bytes', { name: 'f', pax: [['path', 'n'.repeat(256)]] }, /255 bytes/],
  ['a path of 4,096 bytes', { name: 'f', pax: [['path', 'n/'.repeat(2048)]] }, /4,095/],
  ['a symlink without target', { name: 'f', type: '2' }, /target/],
  ['a symlink that is too long', { name: 'f', type: '2', pax: [['linkpath', 't'.repeat(4096)]] }, /4,095/],
  ['a hard link to nothing', { name: 'f', type: '1', link: 'missing' }, /missing is not in this layer/],
  ['a hard link to a directory', { name: 'f', type: '1', link: '/' }, /is a directory/],
  ['a hard link to itself alone', { name: 'f', type: '1', link: 'f' }, /f is not in this layer/],
  ['a path through a file', { name: 'good/x' }, /good, which is not a directory/],
  ['a whiteout of nothing', { name: '.wh.' }, /whiteout/],
  ['a whiteout of the directory itself', { name: 'd/.wh..' }, /whiteout/],
  ['a whiteout of the parent', { name: 'd/.wh...' }, /whiteout/],
  ['a device number out of range', { name: 'f', type: '3', major: 4096, minor: 0 }, /device/],
  ['a sparse map that goes back', sparse('4096', '1024,256,0,256'), /ascending/],
  ['a sparse map that overlaps', sparse('4096', '0,256,128,256'), /ascending/],
  ['a sparse map beyond the size', sparse('600', '512,512'), /ascending/],
  ['a sparse map that does not add up', sparse('4096', '0,100'), /add up/],
  ['a sparse map of one number', sparse('4096', '0,512,1024'), /without a length/],
  ['a sparse map that is no list', sparse('4096', '0,a'), /GNU.sparse.map/],
  [
    'a sparse map in the data that is none',
    {
      name: 'f',
      content: 'x'.repeat(512),
      pax: [
        ['GNU.sparse.major', '1'],
        ['GNU.sparse.minor', '0'],
        ['GNU.sparse.realsize', '9'],
      ],
    },
    /list of numbers/,
  ],
  ['an extension header for nobody', paxHeader([['path', 'x']]), /no member/],
  ['a single zero block', Buffer.concat([Buffer.alloc(512), header({ name: 'f' })]), /zero block/],
];

describe('malformed archives', () => {
  test.each(malformed)('%s', (_name, part, message) => {
    const made = archive({ name: 'good', content: 'x' }, part);
    const refusal = refuse(made, nextImage());
    expect(refusal).toMatchObject({ status: 3, kind: 'malformed', stream: 'uncompressed' });
    expect(refusal.message).toMatch(message);
    expect(refusal.offset).toBe(1024);
  });

  test.each([
    ['no length', 'path=x\n'],
    ['a length beyond the header', '999 path=x\n'],
    ['a length that splits the line', '8 path=x\n'],
    ['a length that is too short', '2 path=x\n'],
    ['no keyword', '6 =x \n'],
    ['no equals sign', '7 path\n'],
    ['a NUL in the keyword', '10 pa\0h=x\n'],
    ['a length beyond 64 bits', '99999999999999999999 path=x\n'],
    ['no end', '10 path=xx'],
  ])('a PAX record with %s', (_name, record) => {
    const made = archive(
      header({ name: 'PaxHeader', type: 'x', content: record }),
      padded(Buffer.from(record)),
      { name: 'f' },
    );
    expect(refuse(made, nextImage())).toMatchObject({ status: 3, kind: 'malformed', offset: 0 });
  });

  test.each(['V', 'M', 'D', 'A', 'Z', '\xff'])('a member of type %j is not supported', (type) => {
    expect(refuse(archive({ name: 'f', type }), nextImage())).toMatchObject({
      status: 3,
      kind: 'unsupported',
      entry: 'f',
    });
  });

  test('symlinks in a circle end', () => {
    const made = archive(
      { name: 'a', type: '2', link: 'b' },
      { name: 'b', type: '2', link: 'a' },
      { name: 'a/f' },
    );
    expect(refuse(made, nextImage()).message).toMatch(/too many symlinks/);
  });

  test('symlinks that grow end', () => {
    const made = archive({ name: 'a', type: '2', link: `a${'/a'.repeat(40)}` }, { name: 'a/f' });
    expect(refuse(made, nextImage()).message).toMatch(/symlinks/);
  });

  test('names in messages are made printable', () => {
    const refusal = refuse(archive({ name: 'b\xff%\n', type: '2' }), nextImage());
    expect(refusal.entry).toBe('b%FF%25%0A');
  });
});

describe('truncated archives', () => {
  const whole = archive(
    { name: 'a', content: pattern(700) },
    { name: 'b', content: pattern(600), pax: [['mtime', '1.5']] },
    { name: 'c', type: '5' },
  );
  /** Where the stream may end: between members, behind the last one's content, in the end mark at a block's start. */
  const boundaries = [
    0,
    1536,
    whole.length - END.length - 512,
    whole.length - END.length,
    whole.length - 512,
  ];

  test('every cut is noticed but those where an archive may end', () => {
    for (let length = 0; length < whole.length; length += 128) {
      const outcome = run(whole.subarray(0, length), nextImage());
      const inPadding = (length > 1212 && length < 1536) || (length > 3672 && length < 4096);
      if (boundaries.includes(length) || inPadding) {
        expect([length, outcome.status]).toEqual([length, 0]);
      } else {
        const { error } = JSON.parse(outcome.stdout) as { error: unknown };
        expect([length, outcome.status, error]).toEqual([
          length,
          3,
          expect.objectContaining({ kind: 'truncated', offset: length, stream: 'uncompressed' }),
        ]);
      }
    }
  });

  test('a size that the archive does not have', () => {
    const made = archive(header({ name: 'f', size: 0o77777777777 }));
    expect(refuse(made, nextImage())).toMatchObject({ kind: 'truncated', entry: 'f', offset: made.length });
  });
});

describe('limits', () => {
  const many = archive(...Array.from({ length: 10 }, (_, n) => ({ name: `d${n}/f` })));

  test('entries, implied ones counted', () => {
    expect(convert(many, nextImage(), ['--max-entries', '20']).entries).toBe(10);
    expect(refuse(many, nextImage(), ['--max-entries', '19'])).toMatchObject({
      status: 3,
      kind: 'limit',
      entry: 'd9/f',
    });
  });

  test('bytes of the image', () => {
    const made = archive({ name: 'f', content: pattern(100_000) });
    const { erofsSize } = convert(made, nextImage());
    convert(made, nextImage(), ['--max-bytes', String(erofsSize)]);
    expect(refuse(made, nextImage(), ['--max-bytes', String(erofsSize - 1)])).toMatchObject({
      status: 3,
      kind: 'limit',
    });
  });

  test('extension headers of more than a mebibyte, too many global records, attributes without end', () => {
    const big = paxHeader([['comment', 'x'.repeat(1 << 20)]]);
    const global = paxHeader(
      Array.from({ length: 257 }, (_, n) => [`k${n}`, 'v'] as const),
      'g',
    );
    const pax = Array.from({ length: 1025 }, (_, n) => [`SCHILY.xattr.user.${n}`, 'v'] as const);
    for (const part of [big, global, member({ name: 'x', pax })]) {
      expect(refuse(archive(part, { name: 'f' }), nextImage())).toMatchObject({ status: 3, kind: 'limit' });
    }
  });

  test('a file of eight exbibytes is refused before it is read', () => {
    const made = archive({ name: 'f', pax: [['size', '9223372036854775807']] });
    expect(refuse(made, nextImage())).toMatchObject({ status: 3, kind: 'limit', entry: 'f' });
  });

  test('a decompression bomb stops at the limit', () => {
    const bomb = gzipSync(archive({ name: 'f', content: Buffer.alloc(64 << 20) }));
    expect(refuse(bomb, nextImage(), ['--max-bytes', '1048576'])).toMatchObject({ status: 3, kind: 'limit' });
  });
});
