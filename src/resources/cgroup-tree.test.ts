// Real cgroups of this host, whichever versions it has; everything made here is removed here.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { cgroupPids, cgroupPopulated, killCgroup, removeCgroup } from './cgroup-tree.ts';
import { type CgroupLayout, readLayout } from './layout.ts';

const layout = readLayout();
const withoutUnified: CgroupLayout = {
  ...layout,
  mode: 'v1',
  hierarchies: layout.hierarchies.filter((h) => h.version === 1),
};
const path = `/gantry-cri-test-${process.pid}`;
const children: ChildProcess[] = [];

function make(below = ''): void {
  const levels = [path, ...below.split('/').filter((part) => part !== '')];
  for (const { mountPoint, controllers } of layout.hierarchies) {
    let directory = mountPoint;
    for (const level of levels) {
      directory = join(directory, level);
      mkdirSync(directory, { recursive: true });
      if (!controllers.includes('cpuset') || !existsSync(join(directory, 'cpuset.cpus'))) continue;
      // A v1 cpuset takes processes only once it has processors and memory.
      writeFileSync(join(directory, 'cpuset.cpus'), '0');
      writeFileSync(join(directory, 'cpuset.mems'), '0');
    }
  }
}

/** A process in the cgroup, in every hierarchy; it ignores what can be ignored. */
async function start(below = '', script = 'trap "" TERM; while :; do sleep 1; done'): Promise<number> {
  const child = spawn('sh', ['-c', `read go; ${script}`], { stdio: ['pipe', 'ignore', 'ignore'] });
  children.push(child);
  const pid = child.pid ?? 0;
  for (const { mountPoint } of layout.hierarchies)
    writeFileSync(join(mountPoint, path, below, 'cgroup.procs'), `${pid}`);
  child.stdin?.end('\n');
  await sleep(50);
  return pid;
}

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await killCgroup(layout, path, 5000);
  await removeCgroup(layout, path);
  expect(layout.hierarchies.filter((h) => existsSync(join(h.mountPoint, path)))).toEqual([]);
});

for (const [name, view] of [
  ['this host’s layout', layout],
  ['v1’s way, without cgroup2', withoutUnified],
] as const) {
  // A host with cgroup2 alone has no other way to test.
  if (view.hierarchies.length === 0) continue;
  describe(name, () => {
    it('lists and kills a tree of processes, nested cgroups too', async () => {
      make('inner/deep');
      const outer = await start();
      const inner = await start('inner/deep', 'sleep 1000 & trap "" TERM; wait; while :; do sleep 1; done');
      expect(cgroupPids(view, path)).toEqual(expect.arrayContaining([outer, inner]));
      expect(cgroupPids(view, path).length).toBeGreaterThan(2);
      expect(cgroupPopulated(view, path)).toBe(true);
      await killCgroup(view, path, 5000);
      expect(cgroupPopulated(view, path)).toBe(false);
      expect(cgroupPids(view, path)).toEqual([]);
    });

    it('kills faster than a process that forks all the time', async () => {
      make();
      await start('', 'f() { while :; do (sleep 0.01 &) ; done; }; f & f');
      await killCgroup(view, path, 10_000);
      expect(cgroupPopulated(view, path)).toBe(false);
    });

    it('does nothing to a cgroup that does not exist', async () => {
      expect(cgroupPopulated(view, `${path}-none`)).toBe(false);
      await killCgroup(view, `${path}-none`, 100);
      await removeCgroup(view, `${path}-none`);
    });
  });
}

it('what somebody has frozen is killed', async () => {
  make('inner');
  await start('inner');
  const ways = { 'freezer.state': 'FROZEN', 'cgroup.freeze': '1' };
  for (const { mountPoint } of layout.hierarchies) {
    for (const [file, value] of Object.entries(ways)) {
      const name = join(mountPoint, path, 'inner', file);
      if (existsSync(name)) writeFileSync(name, value);
    }
  }
  await killCgroup(layout, path, 5000);
  expect(cgroupPids(layout, path)).toEqual([]);
});

describe('removeCgroup', () => {
  it('removes nested cgroups from every hierarchy', async () => {
    make('a/b');
    await removeCgroup(layout, path);
    expect(layout.hierarchies.filter((h) => existsSync(join(h.mountPoint, path)))).toEqual([]);
  });

  it('fails, naming them, while processes are left', async () => {
    make();
    const pid = await start();
    await expect(removeCgroup(layout, path, 100)).rejects.toThrow(
      `cgroup ${path} still holds processes ${pid}`,
    );
  });
});

describe('a path that would be the whole machine', () => {
  it.each(['', '/', '/a/..', '/..', 'relative', '/a//b'])('%j is refused', async (wrong) => {
    await expect(killCgroup(layout, wrong, 0)).rejects.toThrow('no path of a cgroup');
    await expect(removeCgroup(layout, wrong, 0)).rejects.toThrow('no path of a cgroup');
    expect(() => cgroupPids(layout, wrong)).toThrow('no path of a cgroup');
  });
});

it('every hierarchy that is mounted here was tested on', () => {
  const mounted = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => / - cgroup2? /.test(line))
    .map((line) => line.split(' ')[4]);
  expect(mounted.length).toBeGreaterThan(0);
  expect(layout.hierarchies.map((h) => h.mountPoint).sort()).toEqual([...new Set(mounted)].sort());
});
