import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { World } from '../harness/index.ts';

/** A supervisor as the host sees it. */
export interface Stage1Process {
  readonly podId: string;
  readonly pid: number;
  /** The program that it was started as. */
  readonly executable: string;
}

/** The supervisors of these pods, in the pods' order; a pod without one is left out. */
export function stage1sOf(podIds: readonly string[], world: World): Stage1Process[] {
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return podIds.flatMap((podId) => {
    const directory = join(world.gantry.root, 'pods', podId);
    for (const pid of all) {
      const argv = argumentsOf(pid);
      if (argv[1] === 'run' && argv.includes(directory))
        return [{ podId, pid: Number(pid), executable: argv[0] ?? '' }];
    }
    return [];
  });
}

function argumentsOf(pid: string): string[] {
  try {
    if (readlinkSync(`/proc/${pid}/exe`) === '') return [];
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return []; // it ended while we looked
  }
}
