/** A pod whose record cannot be read: it cannot be shown to anybody, so it must not run, nor stop the server. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describeError, errno, native, paths } from '../../base/index.ts';
import type { CgroupLayout } from '../../resources/index.ts';
import type { PodService } from '../service.ts';
import { quarantine } from '../store/codec.ts';
import { netnsPathOf, type PodDirectory, removeTree } from '../store/directory.ts';
import { clearCgroup } from './bury.ts';

/** Milliseconds for stage1 to end its processes before they are killed without it. */
const STOP_DEADLINE = 15_000;

/**
 * Ends whatever bears the pod's or its apps' IDs (nothing else may be believed): processes, cgroups, the network namespace and
 * the links in it, layers. Then the directory moves to quarantine. What a network plug-in reserved stays reserved, for only the
 * lost record knew. Never rejects.
 */
export async function setAside(pods: PodService, directory: PodDirectory, reason: unknown): Promise<void> {
  const report = { sandbox: directory.id, error: describeError(reason) };
  try {
    const apps = entries(join(directory.path, 'apps'));
    if (directory.isHeld()) await askToStop(pods, directory);
    await clearNamed(pods, [...apps, directory.id]);
    await native().netnsRemove(netnsPathOf(directory.id));
    await native().usernsRemove(directory.userns);
    await removeTree(directory.statePath);
    const now = quarantine(directory.path, paths.quarantine(pods.roots));
    pods.log.error({ ...report, now }, 'bad pod record set aside; whatever ran of the pod was ended');
  } catch (error) {
    pods.log.error(
      { ...report, also: describeError(error) },
      'bad pod record, and it could not be set aside',
    );
  }
}

/** Kills and removes the cgroups of these IDs, and lets their layers go. */
export async function clearNamed(pods: PodService, ids: readonly string[]): Promise<void> {
  for (const path of cgroupsNamed(pods.cgroups, ids)) await clearCgroup(pods, path);
  for (const id of ids) await pods.images.releaseLayers(id);
}

/** Logs are written to their end and exits recorded, if stage1 can still do it; if not, its cgroup is killed next. */
async function askToStop(pods: PodService, directory: PodDirectory): Promise<void> {
  try {
    const client = await pods.control.Stage1Client.connect(directory.controlSocket);
    await client.stopPod(0n, { timeout: STOP_DEADLINE });
    await client.closed;
  } catch (error) {
    pods.log.warn(
      { sandbox: directory.id, error: describeError(error) },
      'stage1 could not be asked to stop',
    );
  }
}

/** Paths below the hierarchies' mount points of every cgroup of these IDs, wherever it is: the IDs are unique. */
function cgroupsNamed(layout: CgroupLayout, ids: readonly string[]): string[] {
  const names = new Set(ids.flatMap((id) => [id, `gantry-${id}.scope`]));
  const found = new Set<string>();
  const walk = (mountPoint: string, path: string): void => {
    for (const name of entries(mountPoint + path, true)) {
      const child = `${path}/${name}`;
      if (names.has(name)) found.add(child);
      else walk(mountPoint, child);
    }
  };
  for (const { mountPoint } of layout.hierarchies) walk(mountPoint, '');
  return [...found];
}

function entries(directory: string, directoriesOnly = false): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => !directoriesOnly || entry.isDirectory())
      .map(({ name }) => name);
  } catch (error) {
    // A cgroup that has just gone answers ENODEV.
    if (errno(error) === 'ENOENT' || errno(error) === 'ENODEV') return [];
    throw error;
  }
}
