import { openSync, readFileSync, write } from 'node:fs';
import { join } from 'node:path';
import type { CgroupDriver } from '../stage1/index.ts';
import type { CgroupLayout } from './layout.ts';

let own: number | undefined;

/**
 * Says that systemd is about to move processes between cgroups. The kernel lets the first such move wait for a grace period of
 * RCU (6–15 ms; cgroup_threadgroup_rwsem), and those of the next moments pass in microseconds. So whoever is about to start
 * a pod or a container asks for that wait at once, off the main thread, and it runs beside the preparations: the server
 * moves itself to where it is. With the driver `cgroupfs` nobody is moved: processes are born where they belong, or go there
 * themselves. Never fails; where it cannot be done the moves only take longer.
 */
export function expectMoves(layout: CgroupLayout, driver: CgroupDriver): void {
  if (driver === 'cgroupfs') return;
  own ??= openOwn(layout);
  if (own >= 0) write(own, String(process.pid), () => undefined);
}

/** `cgroup.procs` of the server's own cgroup in one hierarchy (any will do); -1 where it is out of sight. */
function openOwn(layout: CgroupLayout): number {
  try {
    for (const line of readFileSync('/proc/self/cgroup', 'utf8').trim().split('\n')) {
      const [, names = '', path = ''] = line.split(/:(.*?):(.*)/);
      const hierarchy = layout.hierarchies.find((h) =>
        h.version === 2 ? names === '' : names !== '' && h.controllers.join() === names,
      );
      if (hierarchy !== undefined) return openSync(join(hierarchy.mountPoint, path, 'cgroup.procs'), 'w');
    }
  } catch {
    // In a container whose cgroup mount shows less than /proc does: then without.
  }
  return -1;
}
