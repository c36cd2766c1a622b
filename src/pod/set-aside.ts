/** A pod whose record cannot be read: it cannot be shown to anybody, so it must not run, nor stop the server. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeError, errno, native, paths } from '../base/index.ts';
import { clearCgroup } from './bury.ts';
import type { PodDirectory } from './directory.ts';
import { quarantine } from './records.ts';
import type { PodService } from './service.ts';

/**
 * Ends what the pod's own manifests name (cgroups, network namespace, layers), then moves the directory to quarantine. What a
 * network plug-in reserved for it stays reserved: only the lost record knew. Never rejects.
 */
export async function setAside(pods: PodService, directory: PodDirectory, reason: unknown): Promise<void> {
  const report = { sandbox: directory.id, error: describeError(reason) };
  try {
    const pod = readJson(join(directory.path, 'pod.json'));
    for (const path of [textAt(pod, 'cgroup', 'path')]) if (path !== '') await clearCgroup(pods, path);
    for (const appId of apps(directory)) {
      const record = readJson(directory.appRecord(appId));
      const cgroup = textAt(record, 'cgroupPath');
      if (cgroup !== '') await clearCgroup(pods, cgroup);
      await pods.images.releaseLayers(appId);
    }
    const netns = textAt(pod, 'namespaces', 'network');
    if (netns !== '') await native().netnsRemove(netns);
    const now = quarantine(directory.path, paths.quarantine(pods.roots));
    pods.log.error({ ...report, now }, 'bad pod record set aside; whatever ran of the pod was killed');
  } catch (error) {
    pods.log.error(
      { ...report, also: describeError(error) },
      'bad pod record, and it could not be set aside',
    );
  }
}

function apps(directory: PodDirectory): string[] {
  try {
    return readdirSync(join(directory.path, 'apps'));
  } catch (error) {
    if (errno(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Undefined for what is absent or no JSON: the worse the damage, the less can be cleaned up. */
function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

function textAt(value: unknown, ...keys: readonly string[]): string {
  let at = value;
  for (const key of keys) {
    at =
      typeof at === 'object' && at !== null && key in at ? (at as Record<string, unknown>)[key] : undefined;
  }
  return typeof at === 'string' ? at : '';
}
