import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { GantryError } from '../base/index.ts';

export interface ScopeRequest {
  /** Whose processes start the scope: an empty one is refused. */
  readonly pid: number;
  readonly slice: string;
  /** `gantry-<id>.scope` */
  readonly unit: string;
  readonly description: string;
}

/** busctl's arguments for StartTransientUnit (org.freedesktop.systemd1.Manager), signature ssa(sv)a(sa(sv)). */
export function startScopeArguments(request: ScopeRequest): string[] {
  const properties: readonly (readonly string[])[] = [
    ['Description', 's', request.description],
    ['Slice', 's', request.slice],
    // The cgroup's inside is ours: systemd keeps off, and NRI or the app may nest.
    ['Delegate', 'b', 'true'],
    ['PIDs', 'au', '1', `${request.pid}`],
    ['DefaultDependencies', 'b', 'false'],
    ['CPUAccounting', 'b', 'true'],
    ['MemoryAccounting', 'b', 'true'],
    ['TasksAccounting', 'b', 'true'],
    ['IOAccounting', 'b', 'true'],
    // A scope that failed is forgotten, or its name could not be used again.
    ['CollectMode', 's', 'inactive-or-failed'],
  ];
  return [
    ...['call', 'org.freedesktop.systemd1', '/org/freedesktop/systemd1', 'org.freedesktop.systemd1.Manager'],
    ...['StartTransientUnit', 'ssa(sv)a(sa(sv))', request.unit, 'replace', `${properties.length}`],
    ...properties.flat(),
    '0',
  ];
}

/** Has systemd make a scope with the process in it, and waits until the process is there (the job's end). */
export async function startScope(request: ScopeRequest, signal: AbortSignal): Promise<void> {
  try {
    await promisify(execFile)('busctl', ['--system', ...startScopeArguments(request)], { signal });
    while (!isInUnit(readFileSync(`/proc/${request.pid}/cgroup`, 'utf8'), request.unit))
      await sleep(2, undefined, { signal });
  } catch (cause) {
    throw new GantryError({
      code: 'unavailable',
      operation: 'start scope',
      subject: request.unit,
      message: `systemd did not put process ${request.pid} into ${request.unit} (slice ${request.slice})`,
      cause,
    });
  }
}

/** Whether a process with this /proc/<pid>/cgroup is in the unit, in the hierarchy that systemd tracks processes by. */
export function isInUnit(procCgroup: string, unit: string): boolean {
  return procCgroup
    .split('\n')
    .some((line) => /^(0::|\d+:name=systemd:)/.test(line) && line.split('/').includes(unit));
}
