import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** Kills every process that was given a path below `directory`, but those to spare, and unmounts what is below it. */
export function purge(directory: string, spared: readonly number[] = []): void {
  for (const pid of readdirSync('/proc').filter(
    (name) => /^\d+$/.test(name) && Number(name) !== process.pid,
  )) {
    if ([process.pid, ...spared].includes(Number(pid))) continue;
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
