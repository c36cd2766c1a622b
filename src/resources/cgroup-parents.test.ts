import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { absentParents, removeParents } from './cgroup-parents.ts';
import type { CgroupLayout } from './layout.ts';

let mountPoint: string;
let layout: CgroupLayout;
beforeEach(() => {
  mountPoint = mkdtempSync(join(tmpdir(), 'cgroup-parents-'));
  layout = { mode: 'v2', hierarchies: [{ version: 2, mountPoint, controllers: [] }], cgroup2Flags: [] };
});
afterEach(() => rmSync(mountPoint, { recursive: true }));

it('names what is not there, the innermost first, and removes only that, where it is empty', () => {
  mkdirSync(join(mountPoint, 'there'));
  const absent = absentParents(layout, '/there/a/b/pod');
  expect(absent).toEqual(['/there/a/b', '/there/a']);
  mkdirSync(join(mountPoint, 'there/a/b/pod'), { recursive: true });
  removeParents(layout, absent);
  expect(existsSync(join(mountPoint, 'there/a/b/pod'))).toBe(true);
  rmSync(join(mountPoint, 'there/a/b/pod'), { recursive: true });
  mkdirSync(join(mountPoint, 'there/a/other'));
  removeParents(layout, absent);
  removeParents(layout, absent);
  expect([existsSync(join(mountPoint, 'there/a/b')), existsSync(join(mountPoint, 'there/a/other'))]).toEqual([
    false,
    true,
  ]);
});

it('has nothing to say of v1, where stage1 makes them, nor of the root', () => {
  const cpu = { version: 1, mountPoint, controllers: ['cpu'] } as const;
  const old: CgroupLayout = { mode: 'v1', hierarchies: [cpu], cgroup2Flags: [] };
  expect(absentParents(old, '/a/b')).toEqual([]);
  expect(absentParents(layout, '/pod')).toEqual([]);
});
