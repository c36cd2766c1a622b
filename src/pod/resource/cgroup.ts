import { deadlines, describeError, GantryError } from '../../base/index.ts';
import { expectMoves, killCgroup, removeCgroup, removeParents, stopScopeOf } from '../../resources/index.ts';
import type { CgroupDriver } from '../../stage1/index.ts';
import type { Sandbox } from '../store/sandbox.ts';
import type { PodResource, ResourceHost } from './types.ts';

/** The pod's own cgroup, and the parents of it that were not there. stage1 is born in it, or goes there. */
export const cgroup: PodResource = {
  make(host, { facts }) {
    expectMoves(host.cgroups, facts.cgroupDriver);
  },
  async release(host, { record }) {
    await killCgroup(host.cgroups, record.cgroupPath, deadlines.kill);
    await removeEmptied(host, record.cgroupPath);
    removeParents(host.cgroups, record.newCgroups ?? []);
  },
};

/**
 * The driver that makes this pod's cgroups: its record's; those of older releases do not say, and then it is today's. Errors:
 * unimplemented for another release's.
 */
export function driverOf(host: Pick<ResourceHost, 'cgroupDriver'>, { id, record }: Sandbox): CgroupDriver {
  const { cgroupDriver = host.cgroupDriver } = record;
  if (cgroupDriver === 'systemd' || cgroupDriver === 'cgroupfs') return cgroupDriver;
  throw new GantryError({
    code: 'unimplemented',
    operation: 'choose cgroup driver',
    subject: id,
    message: `the pod's cgroups are made by "${cgroupDriver}", which this release does not know`,
  });
}

/** Kills all in it, and removes it if it can: an empty one that is busy hurts nobody, and its own release comes. */
export async function emptyCgroup(host: Pick<ResourceHost, 'cgroups' | 'log'>, path: string): Promise<void> {
  await killCgroup(host.cgroups, path, deadlines.kill);
  try {
    await removeEmptied(host, path);
  } catch (error) {
    host.log.warn({ cgroup: path, error: describeError(error) }, 'an empty cgroup could not be removed');
  }
}

async function removeEmptied(host: Pick<ResourceHost, 'cgroups'>, path: string): Promise<void> {
  await stopScopeOf(path);
  await removeCgroup(host.cgroups, path);
}
