/** systemd as the one who makes cgroups: scopes with their limits as unit properties, by D-Bus. */
import { existsSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { errno, GantryError, type OciResources } from '../../base/index.ts';
import { asSystemdKeepsThem, limitProperties, type ScopeFacts } from './properties.ts';
import { type ScopeRequest, Scopes } from './scope.ts';
import type { UnitProperty } from './unit-property.ts';

export type { ScopeRequest } from './scope.ts';
export type { UnitProperty } from './unit-property.ts';

/** One set of limits for two readers: what stage1 writes to the cgroup, and what systemd is told so that it writes the same. */
export interface ScopeLimits {
  readonly resources: OciResources;
  readonly properties: readonly UnitProperty[];
}

/** `now`: what is in force where these are an update. */
export function scopeLimits(resources: OciResources, now: Omit<ScopeFacts, 'unified'> = {}): ScopeLimits {
  // Where systemd mounts v2 alone; beside v1 (hybrid) it leaves the limits to v1.
  const facts = { ...now, unified: existsSync('/sys/fs/cgroup/cgroup.controllers') };
  return {
    resources: asSystemdKeepsThem(resources, facts),
    properties: limitProperties(resources, facts),
  };
}

/** Errors: failed-precondition where systemd is not the init (sd_booted(3)): every pod would fail. */
export function requireSystemd(): void {
  if (existsSync('/run/systemd/system')) return;
  throw new GantryError({
    code: 'failed-precondition',
    operation: 'choose cgroup driver',
    subject: 'cgroup-driver',
    message: `cgroup-driver = "systemd", but systemd is not this host's init (no /run/systemd/system); set cgroup-driver = "cgroupfs"`,
  });
}

/** One connection per process. */
let scopes: Scopes | undefined;

/** Has systemd make a scope with the process in it, and waits until it is there. Errors: unavailable, with what systemd said. */
export function startScope(request: ScopeRequest, signal: AbortSignal): Promise<void> {
  scopes ??= new Scopes();
  return scopes.start(request, signal);
}

/** Tells of the end of each `daemon-reload`. Errors: unavailable. */
export function onReloaded(tell: () => void): Promise<void> {
  scopes ??= new Scopes();
  return scopes.onReloaded(tell);
}

/**
 * Writes again what systemd writes as it likes at each reload and each change of a unit, having no property for it (before 253
 * memory.oom.group). `unified`: what the cgroup is held to. Idempotent; a cgroup that is gone is none.
 */
export function restoreUnified(cgroup: string, unified: Readonly<Record<string, string>>): void {
  const value = unified['memory.oom.group'];
  if (value === undefined) return;
  try {
    writeFileSync(join(cgroup, 'memory.oom.group'), value, { flag: 'r+' });
  } catch (error) {
    if (!['ENOENT', 'ENODEV'].includes(errno(error) ?? '')) throw error;
  }
}

/** Ends the scope whose cgroup this is, if it is one's; its processes are gone. Never fails; idempotent. */
export async function stopScopeOf(cgroupPath: string): Promise<void> {
  const unit = basename(cgroupPath);
  if (!unit.endsWith('.scope')) return;
  scopes ??= new Scopes();
  await scopes.stop(unit);
}

/** Changes limits of a scope that runs, until it ends. Errors: systemd's refusal; unavailable. */
export function setUnitProperties(unit: string, properties: readonly UnitProperty[]): Promise<void> {
  scopes ??= new Scopes();
  return scopes.setProperties(unit, properties);
}
