import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { native } from '../../src/base/index.ts';
import { relabelHostTree } from '../../src/host-files/index.ts';

// Attributes of the name that SELinux uses can be set by root on any kernel, so what is written can be read back.
const label = 'system_u:object_r:container_file_t:s0:c1,c2';
const other = 'system_u:object_r:container_file_t:s0:c8,c9';

let directory: string;
let mounted: string[] = [];
beforeEach(() => {
  // Not /tmp, should it be a tmpfs: its attributes would do too, but volumes lie on disks.
  directory = mkdtempSync(join(tmpdir(), 'sec-relabel-'));
  mounted = [];
});
afterEach(() => {
  for (const path of mounted) execFileSync('umount', ['-l', path]);
  rmSync(directory, { recursive: true, force: true });
});

const path = (...names: string[]): string => join(directory, ...names);
/** Of the path itself, a link too; without its NUL. */
const labelOf = (file: string): string | undefined =>
  native().xattrGet(file, 'security.selinux')?.replace(/\0$/, '');
const mount = (target: string, ...args: string[]): void => {
  mkdirSync(target, { recursive: true });
  execFileSync('mount', [...args, target]);
  mounted.unshift(target);
};

describe('relabelling', () => {
  test('labels a tree whole: directories, files, fifos, devices and links themselves', async () => {
    mkdirSync(path('volume/a/b'), { recursive: true });
    writeFileSync(path('volume/a/b/file'), '');
    writeFileSync(path('outside'), '');
    symlinkSync('../../outside', path('volume/a/link'));
    symlinkSync('nowhere', path('volume/dangling'));
    execFileSync('mkfifo', [path('volume/fifo')]);
    execFileSync('mknod', [path('volume/device'), 'c', '1', '3']);
    await relabelHostTree(path('volume'), label);
    for (const name of ['', 'a', 'a/b', 'a/b/file', 'a/link', 'dangling', 'fifo', 'device']) {
      expect([name, labelOf(path('volume', name))]).toEqual([name, label]);
    }
    expect(labelOf(path('outside'))).toBeUndefined();
  });

  test('of a file, and of a link to one, goes no further', async () => {
    writeFileSync(path('file'), '');
    symlinkSync('file', path('link'));
    await relabelHostTree(path('link'), label);
    expect([labelOf(path('link')), labelOf(path('file'))]).toEqual([label, undefined]);
    await relabelHostTree(path('file'), label);
    expect(labelOf(path('file'))).toBe(label);
  });

  test('writes only what differs', async () => {
    mkdirSync(path('volume'));
    writeFileSync(path('volume/same'), '');
    await relabelHostTree(path('volume'), label);
    writeFileSync(path('volume/new'), '');
    const before = statSync(path('volume/same'), { bigint: true }).ctimeNs;
    await relabelHostTree(path('volume'), label);
    expect(labelOf(path('volume/new'))).toBe(label);
    expect(statSync(path('volume/same'), { bigint: true }).ctimeNs).toBe(before);
    await relabelHostTree(path('volume'), other);
    expect(labelOf(path('volume/same'))).toBe(other);
  });

  test('goes on where a file system below holds no labels', async () => {
    mount(path('volume/proc'), '-t', 'proc', 'proc');
    mount(path('volume/tmpfs'), '-t', 'tmpfs', 'tmpfs');
    writeFileSync(path('volume/tmpfs/x'), '');
    await relabelHostTree(path('volume'), label);
    expect(labelOf(path('volume/tmpfs/x'))).toBe(label);
    expect(labelOf(path('volume'))).toBe(label);
    expect(labelOf(path('volume/proc'))).toBeUndefined();
  });

  test('says that a file system is read-only, unless nothing is to be done', async () => {
    mount(path('volume'), '-t', 'tmpfs', 'tmpfs');
    writeFileSync(path('volume/x'), '');
    await relabelHostTree(path('volume'), label);
    execFileSync('mount', ['-o', 'remount,ro', path('volume')]);
    await relabelHostTree(path('volume'), label);
    await expect(relabelHostTree(path('volume'), other)).rejects.toMatchObject({
      code: 'EROFS',
      subject: path('volume/x'),
    });
  });

  test('names what is not there: nothing', async () => {
    await expect(relabelHostTree(path('absent'), label)).resolves.toBeUndefined();
  });
});
