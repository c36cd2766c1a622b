import { readdirSync, readFileSync } from 'node:fs';

/** Proportional set size of a process, in KiB (smaps_rollup). */
export function pss(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/^Pss: +(\d+)/m.exec(text)?.[1] ?? 0);
}

/** PSS of every process whose command line matches, in KiB. */
export function pssOf(pattern: RegExp): number {
  let sum = 0;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      if (pattern.test(argv)) sum += pss(Number(pid));
    } catch {
      // It ended while we looked.
    }
  }
  return sum;
}
