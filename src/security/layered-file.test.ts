// Layers as overlayfs' own format has them, and an overlay mount as the oracle.
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { layerReader } from './layered-file.ts';

let directory: string;
let layers: string[];
const write = (layer: number, path: string, content: string): void => {
  const full = join(directory, `${layer}`, path);
  mkdirSync(join(full, '..'), { recursive: true });
  writeFileSync(full, content);
};
const link = (layer: number, path: string, target: string): void => {
  mkdirSync(join(directory, `${layer}`, path, '..'), { recursive: true });
  symlinkSync(target, join(directory, `${layer}`, path));
};
const whiteout = (layer: number, path: string): void => {
  mkdirSync(join(directory, `${layer}`, path, '..'), { recursive: true });
  execFileSync('mknod', [join(directory, `${layer}`, path), 'c', '0', '0']);
};

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'gantry-cri-layers-'));
  layers = [0, 1, 2].map((n) => join(directory, `${n}`));
  for (const layer of layers) mkdirSync(layer);
  write(0, 'etc/passwd', 'lowest');
  write(1, 'etc/passwd', 'middle');
  write(0, 'etc/group', 'group');
  whiteout(1, 'etc/group');
  write(0, 'etc/shadowed/file', 'below a file');
  write(1, 'etc/shadowed', 'a file now');
  write(0, 'opt/data/old', 'old');
  whiteout(1, 'opt/data');
  write(2, 'opt/data/new', 'new');
  link(0, 'usr/etc', '/etc');
  link(0, 'relative', 'usr/../etc/passwd');
  link(0, 'out', '../../../../../../etc/passwd');
  link(0, 'host', directory);
  link(0, 'loop', 'loop');
  link(2, 'dir-link', 'etc');
  write(0, 'dir-link/hidden', 'x');
  write(0, 'opaque/old', 'old');
  write(2, 'opaque/new', 'new');
});
afterAll(() => rmSync(directory, { recursive: true }));

const opaque = (path: string): boolean => path === join(directory, '2', 'opaque');
const read = (path: string): string | undefined => layerReader(layers, opaque).read(path);

describe('layerReader', () => {
  const cases: [string, string, string | undefined][] = [
    ['the upper layer', '/etc/passwd', 'middle'],
    ['nothing under a whiteout', '/etc/group', undefined],
    ['nothing that is absent', '/etc/none', undefined],
    ['a file in place of a directory', '/etc/shadowed', 'a file now'],
    ['nothing below that file', '/etc/shadowed/file', undefined],
    ['nothing of a directory that was removed', '/opt/data/old', undefined],
    ['what came into it anew', '/opt/data/new', 'new'],
    ['through an absolute link', '/usr/etc/passwd', 'middle'],
    ['through a relative link', '/relative', 'middle'],
    ['inside the image, however many dots', '/out', 'middle'],
    ['nothing of the host', '/host/0/etc/passwd', undefined],
    ['nothing in a loop', '/loop', undefined],
    ['through a link over a directory', '/dir-link/passwd', 'middle'],
    ['nothing that the link hides', '/dir-link/hidden', undefined],
    ['nothing below an opaque directory', '/opaque/old', undefined],
    ['what the opaque directory holds', '/opaque/new', 'new'],
    ['no directory', '/etc', undefined],
    ['no root', '/', undefined],
  ];
  it.each(cases)('reads %s', (_name, path, expected) => {
    expect(read(path)).toBe(expected);
  });

  it('agrees with overlayfs', () => {
    const merged = join(directory, 'merged');
    const script = [
      `mkdir ${merged}`,
      `mount -t overlay overlay -o lowerdir=${[...layers].reverse().join(':')} ${merged}`,
      ...cases.map(
        ([, path]) =>
          `[ -f ${merged}${path} ] && [ ! -L ${merged}${path} ] && cat ${merged}${path}; echo "|"`,
      ),
    ].join('\n');
    const shown = execFileSync('unshare', ['-m', 'sh', '-c', script], { encoding: 'utf8' }).split('|\n');
    // Links are resolved by the host's kernel there, and the opaque mark is a matter of attributes: not compared.
    const plain = cases.filter(([, path]) => !/^\/(usr|relative|out|host|loop|opaque|dir-link)/.test(path));
    for (const [, path, expected] of plain) {
      const index = cases.findIndex(([, p]) => p === path);
      expect([path, shown[index]]).toEqual([path, expected ?? '']);
    }
    expect(plain.length).toBeGreaterThan(8);
    rmSync(merged, { recursive: true, force: true });
    expect(existsSync(merged)).toBe(false);
  });

  it('refuses a file that is far too large', () => {
    write(2, 'big', 'x'.repeat(4 * 1024 * 1024 + 1));
    expect(() => read('/big')).toThrow('/big of the image is larger than');
    expect(readFileSync(join(directory, '2', 'big')).length).toBeGreaterThan(4 * 1024 * 1024);
  });
});
