import { deadlines, failpoint } from '../../base/index.ts';
import { asLimitError, startScope } from '../../resources/index.ts';
import { isStage1Errno, type Stage1Client } from '../../stage1/index.ts';
import { containerCgroup } from '../plan/app.ts';
import { asHungMount, asImageVolumeError } from '../plan/image-volumes.ts';
import type { Container } from '../store/sandbox.ts';
import { driverOf, emptyCgroup } from './cgroup.ts';
import type { AppResource, ResourceHost } from './types.ts';

const SIGKILL = 9;

/** stage1's app: its process behind the barrier and its cgroup. */
export const app: AppResource = {
  releaseDeadline: deadlines.stage1Mounts + 2 * deadlines.kill + deadlines.undo,
  async make(host, { entry, plan, document, signal }) {
    const client = entry.sandbox.requireClient('create container');
    const pass = await createToBarrier(host, entry, client, signal).catch(asLimitError);
    await failpoint('app/barrier');
    await pass()
      .catch(asLimitError)
      .catch(asHungMount(document?.mounts ?? []))
      .catch(asImageVolumeError(plan.config.mounts));
  },
  async release(host, container) {
    const { sandbox } = container;
    const { client, state } = sandbox;
    // A live stage1 must have forgotten the app before its files go; a dead pod's needs no telling.
    if (client !== undefined) await deleteApp(client, container.id);
    else if (state.kind === 'ready') sandbox.requireClient('remove container');
    await emptyOwnCgroup(host, container);
  },
};

/**
 * To the barrier: the process exists and is in its cgroup. What it returns lets it pass, and resolves when all but the exec is
 * done.
 */
async function createToBarrier(
  host: ResourceHost,
  container: Container,
  client: Stage1Client,
  signal: AbortSignal,
): Promise<() => Promise<void>> {
  const driver = driverOf(host, container.sandbox);
  const { scope } = containerCgroup(driver, container.sandbox.record, container.id);
  const creating = client.create(container.id, signal);
  if (scope === undefined) {
    // cgroupfs: it has gone there itself, and nobody need look at it at the barrier. So one way to stage1, not two.
    const continued = client.continue(container.id, signal);
    continued.catch(() => undefined); // Create says why
    await creating;
    return () => continued;
  }
  const description = `Gantry container ${container.record.name}`;
  const { unitProperties: properties } = container;
  const pid = await creating;
  await startScope({ pid, ...scope, description, properties }, AbortSignal.timeout(deadlines.scope));
  container.unitProperties = [];
  return () => client.continue(container.id, signal);
}

/** Idempotent. An app that still runs (it was shown to nobody, or its record is lost) is killed first. */
export async function deleteApp(client: Stage1Client, appId: string): Promise<void> {
  try {
    await client.delete(appId);
  } catch (error) {
    if (!isStage1Errno(error, 'EBUSY')) throw error;
    await client.stop(appId, 0n, SIGKILL, { timeout: deadlines.kill });
    await client.delete(appId);
  }
}

/** stage1 has removed it, unless it died before it could, or had to leave processes that could not be killed in time. */
async function emptyOwnCgroup(host: ResourceHost, { record }: Container): Promise<void> {
  if (record.cgroupPath !== '') await emptyCgroup(host, record.cgroupPath);
}
