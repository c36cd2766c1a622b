/**
 * Names of unfinished files, `.tmp-<pid>-<start time>-<n>`: whoever finds one later can tell whether its maker still
 * lives, also when the process number was given out again.
 */
import { readFileSync } from 'node:fs';

interface Owner {
  readonly pid: number;
  /** Clock ticks since boot (proc(5), stat, field 22). */
  readonly startTime: string;
}

let serial = 0;
let own: string | undefined;

export function temporaryName(): string {
  own ??= startTimeOf(process.pid) ?? '0';
  return `.tmp-${process.pid}-${own}-${serial++}`;
}

/** Undefined when `name` is no temporary file of ours. */
export function temporaryOwner(name: string): Owner | undefined {
  const match = /^\.tmp-(\d+)-(\d+)-\d+(?:\.json)?$/.exec(name);
  return match === null ? undefined : { pid: Number(match[1]), startTime: match[2] ?? '' };
}

export function isAlive(owner: Owner): boolean {
  return startTimeOf(owner.pid) === owner.startTime;
}

function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The command name, in parentheses, may hold anything; the fields after it may not.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
