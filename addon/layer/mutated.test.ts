import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run, sha256 } from './testing/convert.ts';
import { makeSparse, pattern } from './testing/source.ts';
import { archive, GNU, header, member } from './testing/tar.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'gnt-layer-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Mulberry32: the same mutations every time, so that a failure can be had again. */
function randomizer(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

function seeds(): Buffer[] {
  const everything = archive(
    { name: './', type: '5', mode: 0o1777 },
    {
      name: 'a/f',
      content: pattern(5000),
      pax: [
        ['mtime', '-1.5'],
        ['SCHILY.xattr.user.x', 'y'],
        ['LIBARCHIVE.xattr.user.z', 'eQ'],
      ],
    },
    member({ name: '././@LongLink', type: 'L', content: `${'long/'.repeat(60)}\0`, magic: GNU }),
    { name: 'l', type: '2', link: 'a', magic: GNU },
    { name: 'l/through', content: 'x' },
    { name: 'h', type: '1', link: 'a/f' },
    { name: 'c', type: '3', major: 1, minor: 3 },
    { name: 'p', type: '6' },
    { name: 'a/.wh.gone' },
    { name: 'a/.wh..wh..opq' },
    { name: 'a', content: 'now a file' },
    {
      name: 's',
      content: pattern(512),
      pax: [
        ['GNU.sparse.major', '0'],
        ['GNU.sparse.minor', '1'],
        ['GNU.sparse.size', '999999'],
        ['GNU.sparse.map', '1024,512'],
      ],
    },
  );
  const holes = join(directory, 'holes');
  mkdirSync(holes);
  makeSparse(holes);
  execFileSync('truncate', ['-s', '100K', join(holes, 'sparse/comb')]);
  const packed = ['--format=gnu', '--format=posix'].map((format, n) => {
    const path = join(directory, `${n}.tar`);
    execFileSync('tar', [
      '-S',
      format,
      '-cf',
      path,
      '-C',
      holes,
      'sparse/comb',
      'sparse/two',
      'sparse/only-a-hole',
    ]);
    return readFileSync(path);
  });
  return [everything, ...packed];
}

/** Changes that keep headers' checksums right get further into the parser. */
function mutate(original: Buffer, random: (below: number) => number): Buffer {
  const bytes = Buffer.from(original);
  const changes = 1 + random(4);
  for (let n = 0; n < changes; n += 1) {
    const block = random(bytes.length >> 9) << 9;
    const kind = random(6);
    if (kind === 0) bytes[block + random(512)] = random(256);
    if (kind === 1) bytes[block + 124 + random(12)] = 0x30 + random(10);
    if (kind === 2) bytes[block + 156] = '0123456xgLKSV7\0'.charCodeAt(random(15));
    if (kind === 3) bytes.copy(bytes, block, random(bytes.length >> 9) << 9, undefined);
    if (kind === 4) bytes.fill(random(2) === 0 ? 0xff : 0x2f, block + random(500), block + 500);
    if (kind === 5) bytes.write(String(random(1 << 30)), block + random(480), 'latin1');
    if (random(4) !== 0) repairChecksum(bytes, block);
  }
  return random(5) === 0 ? bytes.subarray(0, random(bytes.length)) : bytes;
}

function repairChecksum(bytes: Buffer, at: number): void {
  const block = bytes.subarray(at, at + 512);
  if (block.length < 512) return;
  block.write('        ', 148, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
}

/** Whatever comes in: the converter takes it and the image is sound, or it says in JSON why not. It never crashes. */
function survives(input: Buffer, what: string): 'taken' | 'refused' {
  const image = join(directory, 'image.erofs');
  const outcome = run(input, image, ['--max-bytes', String(64 << 20), '--max-entries', '100000']);
  expect([what, outcome.signal, outcome.stderr]).toEqual([what, null, '']);
  expect([0, 3]).toContain(outcome.status);
  const result = JSON.parse(outcome.stdout) as {
    erofsDigest: string;
    diffId: string;
    error?: { kind: string };
  };
  if (outcome.status === 3) {
    expect(['malformed', 'truncated', 'limit', 'unsupported']).toContain(result.error?.kind);
    return 'refused';
  }
  expect([what, result.erofsDigest]).toEqual([what, sha256(readFileSync(image))]);
  execFileSync('fsck.erofs', ['-d1', '--extract', image], { stdio: ['ignore', 'pipe', 'pipe'] });
  return 'taken';
}

describe('mutated input', () => {
  test('tar', () => {
    const random = randomizer(20_260_801);
    const originals = seeds();
    const seen = { taken: 0, refused: 0 };
    for (let n = 0; n < 600; n += 1) {
      const original = originals[random(originals.length)] ?? originals[0];
      if (original === undefined) throw new Error('no seeds');
      seen[survives(mutate(original, random), `tar mutation ${n}`)] += 1;
    }
    // Both ends of the parser were reached.
    expect(seen.taken).toBeGreaterThan(30);
    expect(seen.refused).toBeGreaterThan(100);
  }, 300_000);

  test.each([
    [
      'gzip',
      gzipSync(
        archive({ name: 'f', content: pattern(20_000) }, { name: 'g', content: 'text '.repeat(9000) }),
      ),
    ],
    [
      'zstd',
      zstdCompressSync(
        archive({ name: 'f', content: pattern(20_000) }, { name: 'g', content: 'text '.repeat(9000) }),
      ),
    ],
  ])(
    '%s',
    (name, original) => {
      const random = randomizer(7);
      for (let n = 0; n < 150; n += 1) {
        const bytes = Buffer.from(original);
        for (let changes = 1 + random(3); changes > 0; changes -= 1)
          bytes[random(bytes.length)] = random(256);
        survives(random(4) === 0 ? bytes.subarray(0, random(bytes.length)) : bytes, `${name} mutation ${n}`);
      }
    },
    120_000,
  );

  test('headers of nothing but noise, their checksums right', () => {
    const random = randomizer(11);
    for (let n = 0; n < 100; n += 1) {
      const noise = Buffer.concat(Array.from({ length: 8 }, () => pattern(512, random(1 << 30))));
      for (let at = 0; at < noise.length; at += 512) {
        if (random(2) === 0)
          header({ name: 'f', type: '0123456xg'[random(9)] ?? '0' }).copy(noise, at, 0, 345);
        repairChecksum(noise, at);
      }
      survives(noise, `noise ${n}`);
    }
  });
});
