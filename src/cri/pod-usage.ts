import { dirname } from 'node:path';
import type { PodReader, SandboxRecord } from '../pod/index.ts';
import {
  type CgroupLayout,
  type CgroupUsage,
  type MemoryUsage,
  readUsage,
  taskCount,
} from '../resources/index.ts';

export interface PodUsage {
  readonly usage: CgroupUsage | undefined;
  readonly processes: number | undefined;
}

/** How many pods are in each cgroup: counted once for all that are asked about. */
export function podsByParent(pods: PodReader): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { cgroupPath } of pods.sandboxes()) {
    const parent = dirname(cgroupPath);
    counts.set(parent, (counts.get(parent) ?? 0) + 1);
  }
  return counts;
}

/**
 * What a pod uses as a whole: its own cgroup, which the kubelet makes (`cgroup_parent`), where no other pod is in it;
 * else the sum over its supervisor and its containers.
 */
export function podUsage(
  layout: CgroupLayout,
  sandbox: SandboxRecord,
  pods: PodReader,
  parents: ReadonlyMap<string, number>,
): PodUsage {
  if (sandbox.cgroupPath === '' || sandbox.state.kind !== 'ready')
    return { usage: undefined, processes: undefined };
  const parent = dirname(sandbox.cgroupPath);
  const alone = parents.get(parent) === 1;
  if (alone && sandbox.cgroupParent !== '') {
    return { usage: readUsage(layout, parent), processes: taskCount(layout, parent) };
  }
  const containers = pods.containersOf(sandbox.id).map((c) => c.cgroupPath);
  const members = [sandbox.cgroupPath, ...containers].filter((path) => path !== '');
  const processes = members.flatMap((path) => taskCount(layout, path) ?? []);
  return {
    usage: sum(members.flatMap((path) => readUsage(layout, path) ?? [])),
    processes: processes.length === 0 ? undefined : total(processes),
  };
}

/** Pressure and limits do not add up; they are left out. */
function sum(usages: readonly CgroupUsage[]): CgroupUsage | undefined {
  const [first] = usages;
  if (first === undefined) return undefined;
  const cpu = usages.flatMap((u) => u.cpu ?? []);
  const memory = usages.flatMap((u) => u.memory ?? []);
  const swap = usages.flatMap((u) => u.swap ?? []);
  return {
    timestamp: first.timestamp,
    cpu:
      cpu.length === 0
        ? undefined
        : { nanoseconds: cpu.reduce((total, c) => total + c.nanoseconds, 0n), pressure: undefined },
    memory: memory.length === 0 ? undefined : sumMemory(memory),
    swap: swap.length === 0 ? undefined : { usage: total(swap.map((s) => s.usage)), available: undefined },
    io: undefined,
  };
}

function sumMemory(all: readonly MemoryUsage[]): MemoryUsage {
  return {
    usage: total(all.map((m) => m.usage)),
    workingSet: total(all.map((m) => m.workingSet)),
    available: undefined,
    rss: total(all.map((m) => m.rss)),
    pageFaults: total(all.map((m) => m.pageFaults)),
    majorPageFaults: total(all.map((m) => m.majorPageFaults)),
    pressure: undefined,
  };
}

function total(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}
