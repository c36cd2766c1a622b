import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nativeExecutable } from '../../src/base/index.ts';
import { archive } from './testing/tar.ts';

const program = nativeExecutable('gantry-layer');
let directory: string;
let lower: string;
let upper: string;
const names = Array.from({ length: 50_001 }, (_, i) => `d${i}`);
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'gnt-corrections-'));
  lower = convert('lower', archive(...names.map((name) => ({ name: `${name}/`, type: '5', mode: 0o700 }))));
  upper = convert('upper', archive(...names.map((name) => ({ name: `${name}/f` }))));
});
afterAll(() => rmSync(directory, { recursive: true }));

function convert(name: string, tar: Buffer): string {
  const path = join(directory, name);
  const fd = openSync(path, 'w+');
  const { status } = spawnSync(program, ['convert', '--input-fd', '0', '--output-fd', '3'], {
    input: tar,
    stdio: ['pipe', 'ignore', 'inherit', fd],
  });
  closeSync(fd);
  expect(status).toBe(0);
  return path;
}

function correct(request: string, seen = '0'): { status: number | null; line: string; tar: Buffer } {
  const files = [lower, upper].map((path) => openSync(path, 'r'));
  const images = ['--image-fd', '3', '--image-fd', '4'];
  const { status, stdout } = spawnSync(program, ['correct', '--seen', seen, ...images], {
    input: request,
    stdio: ['pipe', 'pipe', 'ignore', ...files],
    maxBuffer: 1 << 28,
  });
  for (const fd of files) closeSync(fd);
  const end = stdout.indexOf('\n');
  return { status, line: stdout.toString('utf8', 0, Math.max(end, 0)), tar: stdout.subarray(end + 1) };
}

const list = (paths: readonly string[]): string => `${paths.map((path) => `${path}\0`).join('')}\0`;

describe('corrections', () => {
  test('are as many as there may be, and one more is refused', () => {
    const most = correct(list([]) + list(names.slice(1).map((name) => `/${name}`)));
    expect([most.status, JSON.parse(most.line)]).toEqual([0, { hiding: [], tarSize: most.tar.length }]);
    const listed = spawnSync('tar', ['-tf', '-'], { input: most.tar, maxBuffer: 1 << 28 });
    expect(listed.stdout.toString().trim().split('\n')).toHaveLength(1 + 50_000);
    const more = correct(list([]) + list(names.map((name) => `/${name}`)));
    expect([more.status, JSON.parse(more.line)]).toMatchObject([3, { error: { kind: 'limit' } }]);
  });

  test.each([
    ['a list too few', list([])],
    ['a list too many', list([]) + list([]) + list([])],
    ['half a path', `${list([])}/d1`],
  ])('are not made for %s', (_what, request) => {
    const { status, line } = correct(request);
    expect([status, JSON.parse(line)]).toMatchObject([3, { error: { kind: 'malformed' } }]);
  });

  test('are of one of the images', () => {
    expect(correct(list([]) + list([]), '2').status).toBe(2);
  });
});
