import { readdirSync, readFileSync } from 'node:fs';

/** What a process costs right now. Memory in KiB. */
export interface Usage {
  readonly descriptors: number;
  readonly threads: number;
  readonly rss: number;
  readonly pss: number;
  /** What nothing else on this machine makes larger or smaller by sharing a program's text. */
  readonly anonymous: number;
}

export function usage(pid: number): Usage {
  const field = (file: string, name: string): number =>
    Number(
      new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/${file}`, 'utf8'))?.[1] ?? 0,
    );
  return {
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    threads: field('status', 'Threads'),
    rss: field('status', 'VmRSS'),
    pss: field('smaps_rollup', 'Pss'),
    anonymous: field('smaps_rollup', 'Anonymous'),
  };
}

/** Every process in a cgroup below `parent`: its pid and command line. */
export function processesBelow(parent: string): Map<number, string> {
  const found = new Map<number, string>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (!readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(`${parent}/`)) continue;
      found.set(
        Number(pid),
        readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').slice(0, 100),
      );
    } catch {
      // It ended while we looked.
    }
  }
  return found;
}

/** The one whose executable is gantry-stage1. */
export function stage1Of(processes: ReadonlyMap<number, string>): number {
  const [found] = [...processes].filter(([, argv]) => argv.includes('gantry-stage1'));
  if (found === undefined) throw new Error('no gantry-stage1 among the processes of the pod');
  return found[0];
}
