/**
 * Pods whose record cannot be read or understood: absent, unreadable now, torn, or of a newer release. One that is alive is left
 * running, whatever the reason; it is looked at again until it can be read, or has ended.
 */
import { readdirSync } from 'node:fs';
import { describeError, errno, GantryError, native, paths } from '../../base/index.ts';
import type { CgroupLayout } from '../../resources/index.ts';
import { emptyCgroup } from '../resource/cgroup.ts';
import { quarantine, type Reading, readNetworkRecord } from '../store/codec.ts';
import { isThere, netnsPathOf, type PodDirectory, removeTree } from '../store/directory.ts';
import type { Life } from './life.ts';

/** Why a pod is not in the registry. */
export type Unknown = Exclude<Reading<never>, { kind: 'read' }>;

/** Milliseconds: the longest pause before such a pod is looked at again. */
const LOOK_AGAIN = 10_000;

/** Keeps it in sight, and looks at it again in the background with `look`. */
export function keepUnknown(
  life: Life,
  directory: PodDirectory,
  why: Unknown,
  look: () => Promise<void>,
): void {
  const { id } = directory;
  const message = why.kind === 'absent' ? 'its record is missing' : describeError(why.error);
  const known = life.registry.unknownPods.get(id);
  life.registry.unknownPods.set(id, { id, kind: why.kind, message });
  if (known?.message !== message) {
    life.log.error(
      { sandbox: id, kind: why.kind, error: message },
      'a pod is not understood; it is left as it is',
    );
  }
  void life.retries.until(`unknown pod ${id}`, look, LOOK_AGAIN);
}

/**
 * What is to become of it now: true when nothing of it is left here. It goes only when nobody holds its lock and its record
 * never can be read (torn, or gone). Errors: those of the release that failed, and it has to be tried again.
 */
export async function endUnknown(life: Life, directory: PodDirectory, why: Unknown): Promise<boolean> {
  if (directory.isHeld() || why.kind === 'unreadable' || why.kind === 'foreign') return false;
  if (why.kind === 'absent' && !isThere(directory.manifest)) await directory.remove();
  else await setAside(life, directory, why);
  life.registry.unknownPods.delete(directory.id);
  return true;
}

/**
 * Releases whatever bears the pod's or its apps' IDs (nothing else may be believed): cgroups, the network by what was announced
 * of it, the namespaces, layers. Then the directory moves to quarantine. Idempotent.
 */
async function setAside(life: Life, directory: PodDirectory, why: Unknown): Promise<void> {
  const apps = directory.apps();
  await releaseNamed(life, [...apps, directory.id]);
  const network = readNetworkRecord(directory.network);
  if (network.kind === 'read') await life.network.tearDown(network.record);
  await native().netnsRemove(netnsPathOf(directory.id));
  await native().usernsRemove(directory.userns);
  await removeTree(directory.statePath);
  const now = quarantine(directory.path, paths.quarantine(life.roots));
  const error = why.kind === 'absent' ? 'its record is missing' : describeError(why.error);
  life.log.error(
    { sandbox: directory.id, error, now },
    'bad pod record set aside; what was left of the pod was removed',
  );
}

/** The error that an attempt ends with as long as the pod is not understood. */
export function stillUnknown(id: string, why: Unknown): GantryError {
  const message = why.kind === 'absent' ? `pod ${id} has no record` : describeError(why.error);
  return new GantryError({ code: 'unavailable', operation: 'read pod', subject: id, message });
}

/** Kills and removes the cgroups of these IDs, and lets their layers go. */
export async function releaseNamed(life: Life, ids: readonly string[]): Promise<void> {
  for (const path of cgroupsNamed(life.cgroups, ids)) await emptyCgroup(life, path);
  for (const id of ids) await life.images.releaseLayers(id);
}

/** Paths below the hierarchies' mount points of every cgroup of these IDs, wherever it is: the IDs are unique. */
function cgroupsNamed(layout: CgroupLayout, ids: readonly string[]): string[] {
  const names = new Set(ids.flatMap((id) => [id, `gantry-${id}.scope`]));
  const found = new Set<string>();
  const walk = (mountPoint: string, path: string): void => {
    for (const name of directoriesIn(mountPoint + path)) {
      const child = `${path}/${name}`;
      if (names.has(name)) found.add(child);
      else walk(mountPoint, child);
    }
  };
  for (const { mountPoint } of layout.hierarchies) walk(mountPoint, '');
  return [...found];
}

function directoriesIn(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch (error) {
    // A cgroup that has just gone answers ENODEV.
    if (errno(error) === 'ENOENT' || errno(error) === 'ENODEV') return [];
    throw error;
  }
}
