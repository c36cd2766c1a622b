import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KubeletNode } from './node.ts';
import { containerId } from './pods.ts';
import type { Pod } from './types.ts';

/** What the kernel holds a cgroup to. */
export interface Limits {
  /** Thousandths of a CPU; undefined without a limit. */
  readonly cpu: number | undefined;
  /** Bytes; undefined without a limit. */
  readonly memory: number | undefined;
  /** What is asked for, as cpu.shares (1024 a CPU); on v2 the weight, which kubelet and runtime derive from it. */
  readonly shares: number;
}

export function limitsOfContainer(node: KubeletNode, found: Pod, container = 'main'): Limits {
  return limitsOf(node, containerId(found, container));
}

export function limitsOfPod(node: KubeletNode, found: Pod): Limits {
  return limitsOf(node, `pod${found.metadata.uid}`);
}

/** `end` of the cgroup's path. */
function limitsOf(node: KubeletNode, end: string): Limits {
  const read = (controller: string, ...names: string[]): string => {
    const directory = node.findCgroup(controller, end);
    const file = names.map((name) => join(directory, name)).find((path) => existsSync(path));
    if (file === undefined) throw new Error(`${directory} has none of ${names.join(', ')}`);
    return readFileSync(file, 'utf8').trim();
  };
  const [quota = '', period] = read('cpu', 'cpu.max', 'cpu.cfs_quota_us').split(' ');
  const memory = Number(read('memory', 'memory.max', 'memory.limit_in_bytes'));
  const isUnlimited = quota === 'max' || quota === '-1';
  const periodOf = (): number => Number(period ?? read('cpu', 'cpu.cfs_period_us'));
  return {
    cpu: isUnlimited ? undefined : (Number(quota) / periodOf()) * 1000,
    // v1 says no limit by the largest number of whole pages.
    memory: Number.isNaN(memory) || memory > 2 ** 62 ? undefined : memory,
    shares: Number(read('cpu', 'cpu.weight', 'cpu.shares')),
  };
}
