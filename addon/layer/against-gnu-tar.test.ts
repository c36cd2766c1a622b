import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { convert, sha256 } from './testing/convert.ts';
import { makeSource, makeSparse } from './testing/source.ts';
import { differences, readImage, readTree, unpack } from './testing/tree.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'gnt-layer-'));
  makeSource(join(directory, 'source'));
  mkdirSync(join(directory, 'holes'));
  makeSparse(join(directory, 'holes'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function pack(name: string, source: string, options: readonly string[]): string {
  const archive = join(directory, `${name}.tar`);
  execFileSync(
    'tar',
    ['--numeric-owner', '--sort=name', ...options, '-cf', archive, '-C', join(directory, source), '.'],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  return archive;
}

function compare(archive: string): void {
  const image = `${archive}.erofs`;
  convert({ path: archive }, image);
  expect(differences(readImage(image), unpack(archive, `${archive}.unpacked`))).toEqual([]);
}

const everything = ['--xattrs', '--xattrs-include=*'];

describe('a tree that GNU tar packed is the tree that GNU tar unpacks', () => {
  test('PAX, with attributes and nanoseconds: also equal to the source itself', () => {
    const archive = pack('posix', 'source', ['--format=posix', ...everything]);
    compare(archive);
    expect(differences(readImage(`${archive}.erofs`), readTree(join(directory, 'source')))).toEqual([]);
  });

  test('GNU: long names and links, base-256 numbers', () => {
    compare(pack('gnu', 'source', ['--format=gnu']));
  });

  test('ustar: names in two parts', () => {
    compare(
      pack('ustar', 'source', [
        '--format=ustar',
        '--exclude=./owners/2000000000',
        '--exclude=./owners/65536',
        '--exclude=n*nn',
        '--exclude=long*-link',
        '--exclude=directory-number-*',
        '--exclude=before-the-epoch',
        '--exclude=big-numbers',
        '--exclude=late',
      ]),
    );
  });

  test('v7: no owners by name, no prefix, no devices', () => {
    compare(
      pack('v7', 'source', [
        '--format=v7',
        '--exclude=./devices',
        '--exclude=./owners',
        '--exclude=n*nn',
        '--exclude=long*-link',
        '--exclude=directory-number-*',
        '--exclude=before-the-epoch',
        '--exclude=late',
      ]),
    );
  });

  test.each(['0.0', '0.1', '1.0'])('sparse files in PAX format %s', (version) => {
    const archive = pack(`sparse-${version}`, 'holes', [
      '--format=posix',
      '-S',
      `--sparse-version=${version}`,
    ]);
    compare(archive);
    expect(differences(readImage(`${archive}.erofs`), readTree(join(directory, 'holes')))).toEqual([]);
  });

  test("sparse files in GNU's old format", () => {
    compare(pack('sparse-old', 'holes', ['--format=gnu', '-S']));
  });
});

describe('the same archive gives the same image', () => {
  test('however it is compressed, however often', () => {
    const archive = pack('again', 'source', ['--format=posix', ...everything]);
    const tar = readFileSync(archive);
    const plain = convert(tar, join(directory, 'again.1'));
    expect(plain).toMatchObject({ compressedDigest: sha256(tar), diffId: sha256(tar), diffSize: tar.length });
    for (const [name, compressed] of [
      ['gzip', gzipSync(tar, { level: 1 })],
      ['zstd', zstdCompressSync(tar)],
      ['none', tar],
    ] as const) {
      const image = join(directory, `again.${name}`);
      expect(convert(compressed, image, ['--compression', name])).toEqual({
        ...plain,
        compressedDigest: sha256(compressed),
        compressedSize: compressed.length,
      });
      const bytes = readFileSync(image);
      expect(sha256(bytes)).toBe(plain.erofsDigest);
      expect(bytes.length).toBe(plain.erofsSize);
    }
  });
});
