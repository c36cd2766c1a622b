import { join } from 'node:path';
import { nowNanoseconds } from '../base/index.ts';
import { type CgroupLayout, hierarchyOf } from './layout.ts';
import { type Pressure, parsePressure } from './pressure.ts';
import { parseKeyed, readNumber, readSmall } from './small-file.ts';

/** One cgroup's usage at one moment. A member is undefined where this host has no such controller or file. */
export interface CgroupUsage {
  /** Nanoseconds since the epoch. */
  readonly timestamp: bigint;
  readonly cpu: { readonly nanoseconds: bigint; readonly pressure: Pressure | undefined } | undefined;
  readonly memory: MemoryUsage | undefined;
  readonly swap: { readonly usage: number; readonly available: number | undefined } | undefined;
  readonly io: { readonly pressure: Pressure } | undefined;
}

/** Bytes, but for the faults. */
export interface MemoryUsage {
  readonly usage: number;
  /** Usage less inactive file pages. */
  readonly workingSet: number;
  /** Limit less working set; undefined without a limit. */
  readonly available: number | undefined;
  readonly rss: number;
  readonly pageFaults: number;
  readonly majorPageFaults: number;
  readonly pressure: Pressure | undefined;
}

/** v1 says "no limit" by the largest multiple of a page. */
const unlimitedFrom = 2 ** 62;

/** Reads a cgroup's usage; undefined when it does not exist (any more). Five small reads on v1, nine on v2. */
export function readUsage(layout: CgroupLayout, path: string): CgroupUsage | undefined {
  const cpu = readCpu(layout, path);
  const { memory, swap } = readMemory(layout, path);
  if (cpu === undefined && memory === undefined) return undefined;
  const io = onV2(layout, 'io', path, 'io.pressure');
  return {
    timestamp: nowNanoseconds(),
    cpu,
    memory,
    swap,
    io: io === undefined ? undefined : { pressure: io },
  };
}

/** Processes and threads in the cgroup and below it; undefined without the pids controller. */
export function taskCount(layout: CgroupLayout, path: string): number | undefined {
  return fileOf(layout, 'pids', path, (directory) => readNumber(join(directory, 'pids.current')));
}

function readCpu(layout: CgroupLayout, path: string): CgroupUsage['cpu'] {
  const hierarchy = hierarchyOf(layout, 'cpuacct');
  if (hierarchy === undefined) return undefined;
  const directory = join(hierarchy.mountPoint, path);
  if (hierarchy.version === 1) {
    const text = readSmall(join(directory, 'cpuacct.usage'))?.trim();
    return text === undefined ? undefined : { nanoseconds: BigInt(text), pressure: undefined };
  }
  const microseconds = parseKeyed(readSmall(join(directory, 'cpu.stat'))).get('usage_usec');
  if (microseconds === undefined) return undefined;
  return { nanoseconds: BigInt(microseconds) * 1000n, pressure: onV2(layout, 'cpu', path, 'cpu.pressure') };
}

function readMemory(layout: CgroupLayout, path: string): Pick<CgroupUsage, 'memory' | 'swap'> {
  const hierarchy = hierarchyOf(layout, 'memory');
  if (hierarchy === undefined) return { memory: undefined, swap: undefined };
  const v1 = hierarchy.version === 1;
  const number = (file: string): number | undefined => readNumber(join(hierarchy.mountPoint, path, file));
  const usage = number(v1 ? 'memory.usage_in_bytes' : 'memory.current');
  if (usage === undefined) return { memory: undefined, swap: undefined };
  const stat = parseKeyed(readSmall(join(hierarchy.mountPoint, path, 'memory.stat')));
  const of = (name: string): number => stat.get(v1 ? `total_${name}` : name) ?? 0;
  const workingSet = Math.max(0, usage - of('inactive_file'));
  const memory = {
    usage,
    workingSet,
    available: remaining(number(v1 ? 'memory.limit_in_bytes' : 'memory.max'), workingSet),
    rss: of(v1 ? 'rss' : 'anon'),
    pageFaults: of('pgfault'),
    majorPageFaults: of('pgmajfault'),
    pressure: onV2(layout, 'memory', path, 'memory.pressure'),
  };
  // v1 limits memory and swap together.
  const swapped = v1 ? stat.get('total_swap') : number('memory.swap.current');
  const limit = number(v1 ? 'memory.memsw.limit_in_bytes' : 'memory.swap.max');
  if (swapped === undefined) return { memory, swap: undefined };
  return { memory, swap: { usage: swapped, available: remaining(limit, v1 ? usage + swapped : swapped) } };
}

function remaining(limit: number | undefined, used: number): number | undefined {
  return limit === undefined || limit >= unlimitedFrom ? undefined : Math.max(0, limit - used);
}

/** Pressure is kept by cgroup2 only. */
function onV2(layout: CgroupLayout, controller: string, path: string, file: string): Pressure | undefined {
  return fileOf(layout, controller, path, (directory, version) =>
    version === 2 ? parsePressure(readSmall(join(directory, file))) : undefined,
  );
}

function fileOf<T>(
  layout: CgroupLayout,
  controller: string,
  path: string,
  read: (directory: string, version: 1 | 2) => T | undefined,
): T | undefined {
  const hierarchy = hierarchyOf(layout, controller);
  return hierarchy === undefined ? undefined : read(join(hierarchy.mountPoint, path), hierarchy.version);
}
