import { readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errno, GantryError, native } from '../base/index.ts';
import { type CgroupLayout, unifiedOf } from './layout.ts';

/*
 * What recovery and clean-up do to the cgroups of the dead. `path` is always below the hierarchies' mount points; all
 * of them are looked at, since a process may sit in any, and nested cgroups count (an app may make its own).
 */

/** Every process in the cgroup or below it, in any hierarchy. */
export function cgroupPids(layout: CgroupLayout, path: string): number[] {
  const pids = new Set<number>();
  for (const directory of allDirectories(layout, path)) {
    for (const pid of procs(directory)) pids.add(pid);
  }
  return [...pids];
}

/** Whether any process is left in it. False for a cgroup that does not exist. */
export function cgroupPopulated(layout: CgroupLayout, path: string): boolean {
  return allDirectories(layout, path).some((directory) => procs(directory).length > 0);
}

/**
 * Kills everything in the cgroup and waits until it is empty: by cgroup.kill where cgroup2 has it (Linux 5.14), else by
 * freezing (v1), SIGKILL to each and thawing, so that nothing can fork its way out. Idempotent.
 * Throws deadline-exceeded, naming the processes left, when `timeout` milliseconds were not enough (a process in
 * uninterruptible sleep).
 */
export async function killCgroup(layout: CgroupLayout, path: string, timeout: number): Promise<void> {
  checkPath(path);
  const deadline = performance.now() + timeout;
  for (let pause = 1; ; pause = Math.min(pause * 2, 50)) {
    const pids = cgroupPids(layout, path);
    if (pids.length === 0) return;
    if (performance.now() > deadline) throw stillThere(path, pids);
    if (!killAtOnce(layout, path)) await killFrozen(layout, path);
    await sleep(pause);
  }
}

/** Removes the cgroup with all below it, from every hierarchy. Idempotent. Throws while processes are left. */
export async function removeCgroup(layout: CgroupLayout, path: string, timeout = 2000): Promise<void> {
  checkPath(path);
  const deadline = performance.now() + timeout;
  for (let pause = 1; ; pause = Math.min(pause * 2, 50)) {
    const left = allDirectories(layout, path)
      .reverse()
      .filter((directory) => !removed(directory));
    if (left.length === 0) return;
    if (performance.now() > deadline) throw stillThere(path, cgroupPids(layout, path));
    // A v1 cgroup stays busy for a moment after its last process has ended.
    await sleep(pause);
  }
}

/** True when cgroup2 took the order for the whole tree and nothing is outside of its reach. */
function killAtOnce(layout: CgroupLayout, path: string): boolean {
  const unified = unifiedOf(layout);
  if (unified === undefined) return false;
  const directory = join(unified.mountPoint, path);
  const inside = new Set(nested(directory).flatMap(procs));
  if (!write(join(directory, 'cgroup.kill'), '1')) return false;
  // On hybrid hosts somebody may have frozen it in v1, and then it dies only when it is thawed.
  for (const state of freezerStates(layout, path)) write(state, 'THAWED');
  return cgroupPids(layout, path).every((pid) => inside.has(pid));
}

/** Of v1's freezer, parents first; none where there is no such hierarchy. */
function freezerStates(layout: CgroupLayout, path: string): string[] {
  const freezer = layout.hierarchies.find((h) => h.version === 1 && h.controllers.includes('freezer'));
  return freezer === undefined
    ? []
    : nested(join(freezer.mountPoint, path)).map((directory) => join(directory, 'freezer.state'));
}

async function killFrozen(layout: CgroupLayout, path: string): Promise<void> {
  const states = freezerStates(layout, path);
  for (const state of states) write(state, 'FROZEN');
  try {
    // Freezing takes a moment; a process that does not freeze is killed all the same, in another round if it forked.
    for (let round = 0; round < 20 && states.some((s) => read(s)?.trim() === 'FREEZING'); round++)
      await sleep(1);
    for (const { mountPoint } of layout.hierarchies) native().cgroupKillMembers(join(mountPoint, path));
  } finally {
    for (const state of states) write(state, 'THAWED');
  }
}

function checkPath(path: string): void {
  // The root, or nothing, would be the whole machine.
  if (
    !path.startsWith('/') ||
    posix.normalize(path) !== path ||
    path === '/' ||
    path.split('/').includes('..')
  ) {
    throw new GantryError({
      code: 'internal',
      operation: 'clean cgroup',
      subject: path,
      message: `'${path}' is no path of a cgroup that may be killed or removed`,
    });
  }
}

function allDirectories(layout: CgroupLayout, path: string): string[] {
  checkPath(path);
  return layout.hierarchies.flatMap((h) => nested(join(h.mountPoint, path)));
}

/** The directory and all below it, parents first; empty where it is absent. */
function nested(directory: string): string[] {
  try {
    const children = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    return [directory, ...children.flatMap((child) => nested(join(directory, child.name)))];
  } catch (error) {
    if (errno(error) === 'ENOENT' || errno(error) === 'ENODEV') return [];
    throw error;
  }
}

function procs(directory: string): number[] {
  return (read(join(directory, 'cgroup.procs')) ?? '')
    .split('\n')
    .filter((line) => line !== '')
    .map(Number);
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    // EOPNOTSUPP: a threaded cgroup of v2, whose processes its domain lists.
    if (['ENOENT', 'ENODEV', 'EOPNOTSUPP'].includes(errno(error) ?? '')) return undefined;
    throw error;
  }
}

function write(path: string, text: string): boolean {
  try {
    writeFileSync(path, text, { flag: 'r+' });
    return true;
  } catch (error) {
    if (['ENOENT', 'ENODEV', 'EOPNOTSUPP', 'EACCES'].includes(errno(error) ?? '')) return false;
    throw error;
  }
}

function removed(directory: string): boolean {
  try {
    rmdirSync(directory);
    return true;
  } catch (error) {
    if (errno(error) === 'ENOENT') return true;
    if (errno(error) === 'EBUSY' || errno(error) === 'ENOTEMPTY') return false;
    throw error;
  }
}

function stillThere(path: string, pids: readonly number[]): GantryError {
  return new GantryError({
    code: 'deadline-exceeded',
    operation: 'empty cgroup',
    subject: path,
    message: `cgroup ${path} still holds ${pids.length === 0 ? 'something' : `processes ${pids.join(', ')}`}`,
  });
}
