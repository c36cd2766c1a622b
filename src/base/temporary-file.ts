/**
 * Names of unfinished files, `….tmp-<pid>-<start time>-<n>`: whoever finds one later can tell whether its maker still
 * lives, also when the process number was given out again.
 */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { errno } from './errors.ts';

interface Maker {
  readonly pid: number;
  /** Clock ticks since boot (proc(5), stat, field 22); undefined in a name of older releases. */
  readonly startTime: string | undefined;
}

let serial = 0;
let own: string | undefined;

/** A suffix that no other process, and no other call of this one, gives out. */
export function temporarySuffix(): string {
  own ??= startTimeOf(process.pid) ?? '0';
  return `.tmp-${process.pid}-${own}-${serial++}`;
}

/**
 * Removes the files in `directory` whose writers were killed. Those of living processes stay, and so does every other
 * file. Called at start by whoever writes into the directory. Returns the names that went; none for an absent directory.
 */
export function sweepTemporaryFiles(directory: string): readonly string[] {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch (error) {
    if (errno(error) === 'ENOENT') return [];
    throw error;
  }
  const abandoned = names.filter(isAbandoned);
  for (const name of abandoned) rmSync(join(directory, name), { force: true });
  return abandoned;
}

/** Whether `name` is an unfinished file of a process that is gone. */
export function isAbandoned(name: string): boolean {
  const maker = makerOf(name);
  if (maker === undefined) return false;
  const startTime = startTimeOf(maker.pid);
  return maker.startTime === undefined ? startTime === undefined : startTime !== maker.startTime;
}

/** Releases before this one wrote `.tmp-<pid>-<n>`. */
function makerOf(name: string): Maker | undefined {
  const match = /\.tmp-(\d+)-(?:(\d+)-)?\d+(?:\.json)?$/.exec(name);
  return match === null ? undefined : { pid: Number(match[1]), startTime: match[2] };
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
