/** The end of a container's belongings: in stage1, in the image store, on disk. */

import { deadlines } from '../../base/index.ts';
import { isStage1Errno, type Stage1Client } from '../../stage1/index.ts';
import type { PodService } from '../service.ts';
import { removeTree } from '../store/directory.ts';
import type { Container } from '../store/sandbox.ts';
import { clearCgroup } from './bury.ts';
import { publish } from './exits.ts';
import { failpoint } from './failpoints.ts';

const SIGKILL = 9;

/**
 * Removes a container that does not run, once. Idempotent: what failed half-way is begun again. Under the container's mutex.
 * Errors: the step's.
 */
export async function eraseContainer(
  pods: PodService,
  container: Container,
  client = container.sandbox.client,
): Promise<void> {
  // Its own removal and its pod's may both have waited for the mutex.
  if (!container.sandbox.containers.has(container.id)) return;
  await pods.nri.removeContainer(container.id);
  await releaseContainer(pods, container, client);
  pods.dropContainer(container);
  publish(pods, container, 'deleted');
}

/** The same for one that was never shown to anybody: nothing is published. */
export async function discardContainer(
  pods: PodService,
  container: Container,
  client = container.sandbox.client,
): Promise<void> {
  await releaseContainer(pods, container, client);
  pods.dropContainer(container);
}

/** Idempotent. An app that still runs (it was shown to nobody, or set aside) is killed first. */
export async function forgetApp(client: Stage1Client, appId: string): Promise<void> {
  try {
    await client.delete(appId);
  } catch (error) {
    if (!isStage1Errno(error, 'EBUSY')) throw error;
    await client.stop(appId, 0n, SIGKILL, { timeout: deadlines.kill });
    await client.delete(appId);
  }
}

async function releaseContainer(
  pods: PodService,
  container: Container,
  client: Stage1Client | undefined,
): Promise<void> {
  const { state } = container.sandbox;
  // A dead pod's stage1 needs no telling; a live one must have forgotten the app before its files go.
  if (client !== undefined) await forgetApp(client, container.id);
  else if (state.kind === 'ready') container.sandbox.requireClient('remove container');
  // stage1 has removed its cgroups with it, unless it died before it could.
  if (client === undefined && container.state.kind !== 'exited' && container.record.cgroupPath !== '') {
    await clearCgroup(pods, container.record.cgroupPath);
  }
  await failpoint('remove/stage1');
  await pods.images.releaseLayers(container.id);
  await failpoint('remove/layers');
  // One that was never shown is undone at start-up whatever its record says.
  if (container.state.kind !== 'creating') container.advance({ kind: 'removing' });
  await removeTree(container.path);
  await failpoint('remove/directory');
}
