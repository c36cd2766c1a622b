import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readRegularFile } from './regular-file.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'gantry-regular-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

it('reads a file, by a link too', () => {
  writeFileSync(join(directory, 'file'), 'text');
  symlinkSync('file', join(directory, 'link'));
  expect(['file', 'link'].map((name) => readRegularFile(join(directory, name)))).toEqual(['text', 'text']);
});

it('does not wait for a FIFO, nor read a device or a directory', () => {
  execFileSync('mkfifo', [join(directory, 'fifo')]);
  for (const path of [join(directory, 'fifo'), '/dev/zero', directory]) {
    expect(() => readRegularFile(path)).toThrow(`${path} is not a regular file`);
  }
});

it('leaves what is absent to its caller', () => {
  expect(() => readRegularFile(join(directory, 'none'))).toThrow(expect.objectContaining({ code: 'ENOENT' }));
});
