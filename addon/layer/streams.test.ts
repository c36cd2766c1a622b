import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nativeExecutable } from '../../src/base/index.ts';
import { type Converted, convert, refuse, sha256 } from './testing/convert.ts';
import { pattern } from './testing/source.ts';
import { archive } from './testing/tar.ts';

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

/** Compresses in part, and fills the pipeline's pieces several times over. */
const text = Buffer.from('all work and no play makes a dull layer; '.repeat(40_000));
const tar = archive(
  { name: 'noise', content: pattern(1_500_000) },
  { name: 'text', content: text },
  ...Array.from({ length: 200 }, (_, n) => ({ name: `d/${n}`, content: pattern(n * 13, n) })),
);
const split = (at: number): [Buffer, Buffer] => [tar.subarray(0, at), tar.subarray(at)];
const skippable = Buffer.from('502a4d180400000064617461', 'hex');

describe('streams that are taken', () => {
  const [head, tail] = split(1_234_567);
  test.each<[string, Buffer, Buffer]>([
    ['plain', tar, tar],
    ['gzip', gzipSync(tar), tar],
    ['gzip without compression', gzipSync(tar, { level: 0 }), tar],
    ['gzip at its best', gzipSync(tar, { level: 9 }), tar],
    ['gzip in two members', Buffer.concat([gzipSync(head), gzipSync(tail)]), tar],
    ['gzip with empty members', Buffer.concat([gzipSync(''), gzipSync(tar), gzipSync('')]), tar],
    [
      'gzip in many members',
      Buffer.concat(
        Array.from({ length: 300 }, (_, n) =>
          gzipSync(tar.subarray(n * 17_001, n === 299 ? tar.length : (n + 1) * 17_001)),
        ),
      ),
      tar,
    ],
    ['zstd', zstdCompressSync(tar), tar],
    ['zstd in two frames', Buffer.concat([zstdCompressSync(head), zstdCompressSync(tail)]), tar],
    ['zstd between skippable frames', Buffer.concat([skippable, zstdCompressSync(tar), skippable]), tar],
    [
      'zeros behind the end',
      Buffer.concat([tar, Buffer.alloc(100_000)]),
      Buffer.concat([tar, Buffer.alloc(100_000)]),
    ],
    [
      'rubbish behind the end, hashed like the rest',
      gzipSync(Buffer.concat([tar, Buffer.from('rubbish')])),
      Buffer.concat([tar, Buffer.from('rubbish')]),
    ],
  ])('%s', (_name, stream, content) => {
    const image = nextImage();
    const result = convert(stream, image);
    expect(result).toMatchObject({
      compressedDigest: sha256(stream),
      compressedSize: stream.length,
      diffId: sha256(content),
      diffSize: content.length,
      entries: 202,
    });
    expect(result.erofsDigest).toBe(sha256(readFileSync(image)));
  });

  test('nothing at all is an empty layer', () => {
    expect(convert(Buffer.alloc(0), nextImage())).toMatchObject({
      entries: 0,
      diffSize: 0,
      compressedSize: 0,
    });
  });
});

/** Feeds the converter through a pipe, in pieces, with time between the first ones. */
async function dribble(stream: Buffer, sizes: readonly number[]): Promise<Converted> {
  const output = openSync(nextImage(), 'w+');
  const child = spawn(nativeExecutable('gantry-layer'), ['convert', '--input-fd', '0', '--output-fd', '3'], {
    stdio: ['pipe', 'pipe', 'inherit', output],
  });
  closeSync(output);
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new Error('no pipes');
  const printed: Buffer[] = [];
  stdout.on('data', (part: Buffer) => printed.push(part));
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  let at = 0;
  for (const size of sizes) {
    stdin.write(stream.subarray(at, at + size));
    at += size;
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
  stdin.end(stream.subarray(at));
  expect(await ended).toBe(0);
  return JSON.parse(Buffer.concat(printed).toString()) as Converted;
}

describe('streams that come in crumbs', () => {
  test.each([
    ['plain', tar],
    ['gzip', Buffer.concat([gzipSync(tar.subarray(0, 5000)), gzipSync(tar.subarray(5000))])],
    ['zstd', zstdCompressSync(tar)],
  ])('%s', async (_name, stream) => {
    const expected = convert(stream, nextImage());
    const crumbs = [1, 1, 1, 1, 1, 1, 2, 3, 5, 8, 13, 500, 512, 700, 4096, 30_000];
    expect(await dribble(stream, crumbs)).toEqual(expected);
  });
});

describe('streams that are refused', () => {
  const gzip = gzipSync(tar);
  const zstd = zstdCompressSync(tar);
  const flipped = (stream: Buffer, at: number): Buffer => {
    const copy = Buffer.from(stream);
    copy[at] = (copy[at] ?? 0) ^ 0x55;
    return copy;
  };
  test.each<[string, Buffer, string[], string, RegExp]>([
    ['gzip cut in its header', gzip.subarray(0, 7), [], 'truncated', /gzip/],
    ['gzip cut in its data', gzip.subarray(0, 100_000), [], 'truncated', /gzip/],
    ['gzip cut in its checksum', gzip.subarray(0, gzip.length - 3), [], 'truncated', /gzip/],
    ['gzip cut in its second member', Buffer.concat([gzip, gzip.subarray(0, 20)]), [], 'truncated', /gzip/],
    ['gzip with a wrong checksum', flipped(gzip, gzip.length - 6), [], 'malformed', /checksum/],
    ['gzip with a wrong length', flipped(gzip, gzip.length - 2), [], 'malformed', /checksum/],
    ['gzip of another method', flipped(gzip, 2), [], 'malformed', /deflate/],
    [
      'gzip with rubbish behind it',
      Buffer.concat([gzip, Buffer.from('rubbish behind the end')]),
      [],
      'malformed',
      /follows/,
    ],
    ['gzip with zeros behind it', Buffer.concat([gzip, Buffer.alloc(512)]), [], 'malformed', /follows/],
    ['zlib said to be gzip', deflateSync(tar), ['--compression', 'gzip'], 'malformed', /header/],
    ['a tar said to be gzip', tar, ['--compression', 'gzip'], 'malformed', /header/],
    ['nothing said to be gzip', Buffer.alloc(0), ['--compression', 'gzip'], 'truncated', /gzip/],
    ['zstd cut in its header', zstd.subarray(0, 5), [], 'truncated', /zstd/],
    ['zstd cut in its data', zstd.subarray(0, zstd.length >> 1), [], 'truncated', /zstd/],
    [
      'zstd with rubbish behind it',
      Buffer.concat([zstd, Buffer.from('rubbish behind the end')]),
      [],
      'malformed',
      /follows/,
    ],
    ['a tar said to be zstd', tar, ['--compression', 'zstd'], 'malformed', /header/],
    ['nothing said to be zstd', Buffer.alloc(0), ['--compression', 'zstd'], 'truncated', /zstd/],
    [
      'zstd with too large a window',
      Buffer.concat([Buffer.from('28b52ffd00f0', 'hex'), Buffer.alloc(100)]),
      [],
      'unsupported',
      /128 MiB/,
    ],
    ['xz', Buffer.from('fd377a585a000000', 'hex'), [], 'unsupported', /xz/],
    ['bzip2', Buffer.from('BZh91AY&SY'), [], 'unsupported', /bzip2/],
  ])('%s', (_name, stream, options, kind, message) => {
    const refusal = refuse(stream, nextImage(), options);
    expect(refusal).toMatchObject({ status: 3, kind, stream: 'compressed' });
    expect(refusal.message).toMatch(message);
    expect(refusal.offset).toBeLessThanOrEqual(stream.length);
  });

  test('gzip said to be nothing is no tar', () => {
    const refusal = refuse(gzip, nextImage(), ['--compression', 'none']);
    expect(refusal).toMatchObject({ status: 3, kind: 'malformed', stream: 'uncompressed', offset: 0 });
  });

  test('every flipped byte of a deflate stream is noticed', () => {
    const small = gzipSync(archive({ name: 'f', content: pattern(3000) }));
    for (let at = 10; at < small.length; at += 61) {
      expect([at, refuse(flipped(small, at), nextImage()).status]).toEqual([at, 3]);
    }
  });
});
