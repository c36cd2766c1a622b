import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseRange } from './address.ts';
import { Leases, leasesFile, leasesRange } from './leases.ts';

let directory: string;
let leases: Leases;
const range = parseRange('10.9.0.0/29');
const id = (digit: string): string => digit.repeat(64);
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'gnt-net-leases-'));
  leases = new Leases(directory, range);
});
afterEach(() => {
  leases.close();
  rmSync(directory, { recursive: true, force: true });
});
const first = async (podId: string): Promise<string | undefined> => (await leases.reserve([range], podId))[0];

test('round robin: what was freed comes last', async () => {
  expect([await first(id('a')), await first(id('b'))]).toEqual(['10.9.0.2', '10.9.0.3']);
  leases.release('10.9.0.2', id('a'));
  expect(await first(id('c'))).toBe('10.9.0.4');
  leases.close();
  leases = new Leases(directory, range); // another process
  expect([await first(id('d')), await first(id('e')), await first(id('f'))]).toEqual([
    '10.9.0.5',
    '10.9.0.6',
    '10.9.0.2',
  ]);
  await expect(first(id('1'))).rejects.toMatchObject({ code: 'resource-exhausted' });
});

test('only its owner frees it, and only addresses of the range are known', async () => {
  await first(id('a'));
  leases.release('10.9.0.2', id('b'));
  expect(leases.ownerOf('10.9.0.2')).toBe(id('a'));
  expect([leases.ownerOf('10.9.0.3'), leases.ownerOf('10.9.0.1'), leases.ownerOf('1.1.1.1')]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

test('two ranges give the same number', async () => {
  expect(await leases.reserve([range, parseRange('fd00::/64')], id('a'))).toEqual(['10.9.0.2', 'fd00::2']);
});

test('two at once, and two processes, never get the same', async () => {
  const large = parseRange('10.8.0.0/16');
  const [one, two] = [new Leases(directory, large), new Leases(directory, large)];
  const got = await Promise.all(
    Array.from({ length: 200 }, (_, i) =>
      (i % 2 ? one : two).reserve([large], i.toString(16).padStart(64, '0')),
    ),
  );
  expect(new Set(got.flat()).size).toBe(200);
  expect(one.all().size).toBe(200);
  one.close();
  two.close();
});

test('the blocks are there before they are needed, and more are added', async () => {
  const path = join(directory, leasesFile(range));
  await first(id('a'));
  expect(statSync(path)).toMatchObject({ size: 65536 });
  const large = parseRange('10.8.0.0/16');
  const many = new Leases(directory, large);
  for (let i = 0; i < 1100; i++) await many.reserve([large], i.toString(16).padStart(64, '0'));
  expect(statSync(join(directory, leasesFile(large))).size).toBe(131072);
  expect(many.all().size).toBe(1100);
  many.close();
});

test('a file that is garbage is no reservation and no failure', async () => {
  leases.close();
  writeFileSync(join(directory, leasesFile(range)), 'garbage'.repeat(100));
  leases = new Leases(directory, range);
  expect(leases.all().size).toBe(0);
  expect(await first(id('a'))).toBe('10.9.0.2');
  expect(leases.ownerOf('10.9.0.2')).toBe(id('a'));
});

test('a file’s name says its range', () => {
  for (const cidr of ['10.9.0.0/29', 'fd00:93::/64'])
    expect(leasesRange(leasesFile(parseRange(cidr)))).toBe(cidr);
  expect(leasesRange('lock')).toBeUndefined();
});
