import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** After a failed test: kills every process that was given a path below `directory`, and unmounts what is below. */
export function purge(directory: string): void {
  for (const pid of readdirSync('/proc').filter(
    (name) => /^\d+$/.test(name) && Number(name) !== process.pid,
  )) {
    try {
      const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      if (argv.some((word) => word.includes(`${directory}/`))) process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It ended by itself.
    }
  }
  const mountPoints = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((path) => path.startsWith(`${directory}/`));
  for (const path of mountPoints.reverse()) spawnSync('umount', ['--lazy', path]);
}
