/** Start-up: records read, live pods adopted, dead ones accounted for, unfinished calls taken back or finished. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeError, errno, isId, paths } from '../../base/index.ts';
import type { NetworkRecord } from '../../network/index.ts';
import type { PodService } from '../service.ts';
import { quarantine, readContainerRecord, readSandboxRecord } from '../store/codec.ts';
import { Container } from '../store/container.ts';
import { PodDirectory, removeTree } from '../store/directory.ts';
import { Sandbox } from '../store/sandbox.ts';
import { keepSettling } from './link.ts';
import { clearNamed, setAside } from './set-aside.ts';
import { discardSandbox, removeSandbox, takeNetworkDown } from './teardown.ts';

/** Pods looked after at once: each waits for a socket, or for the kernel to kill. */
const PARALLEL = 16;
/** Milliseconds that start-up waits for pods which do not settle; they are seen to in the background. */
const PATIENCE = 5_000;

export async function recover(pods: PodService): Promise<void> {
  const started = performance.now();
  const ids = listIds(paths.pods(pods.roots));
  for (const id of ids) await readPod(pods, id);
  const settling = eachOf(pods.allSandboxes(), (sandbox) => settle(pods, sandbox));
  await Promise.race([settling, sleep(PATIENCE, undefined, { ref: false })]);
  await pods.images.reconcile(imageUsers(pods));
  await removeStaleState(pods);
  pods.settled = settling
    .then(() => settleNetworks(pods))
    .catch((error) => {
      pods.log.error({ error: describeError(error) }, 'clean-up after start failed');
    });
  const milliseconds = Math.round(performance.now() - started);
  pods.log.info({ pods: ids.length, containers: pods.containers().length, milliseconds }, 'records read');
}

/** One pod's records into the registry. A record that is not whole is set aside, with the pod. */
async function readPod(pods: PodService, id: string): Promise<void> {
  const directory = new PodDirectory(pods.roots, id);
  try {
    const record = readSandboxRecord(directory.record);
    if (record === undefined) {
      await readNoRecord(pods, directory);
      return;
    }
    const sandbox = new Sandbox(directory, record, pods.log);
    pods.addSandbox(sandbox);
    if (record.state.kind !== 'creating') pods.nameSandbox(sandbox);
    for (const appId of listIds(join(directory.path, 'apps'))) await readContainer(pods, sandbox, appId);
  } catch (error) {
    await setAside(pods, directory, error);
  }
}

/** Made and locked, but nothing begun yet; or begun, and its record is gone. */
async function readNoRecord(pods: PodService, directory: PodDirectory): Promise<void> {
  if (existsSync(directory.manifest)) await setAside(pods, directory, new Error('its record is missing'));
  else if (!directory.isHeld()) await directory.remove();
}

async function readContainer(pods: PodService, sandbox: Sandbox, appId: string): Promise<void> {
  const path = sandbox.directory.app(appId);
  try {
    const record = readContainerRecord(sandbox.directory.appRecord(appId));
    if (record === undefined) {
      await removeTree(path);
      return;
    }
    const container = new Container(sandbox, record, pods.log);
    pods.addContainer(container);
    if (record.state.kind !== 'creating') pods.nameContainer(container);
  } catch (error) {
    const now = quarantine(path, paths.quarantine(pods.roots));
    pods.log.error({ container: appId, error: describeError(error), now }, 'bad container record set aside');
    // A live stage1 is told to end it when it is connected to.
    if (!sandbox.directory.isHeld()) await clearNamed(pods, [appId]);
  }
}

/** Never rejects. */
async function settle(pods: PodService, sandbox: Sandbox): Promise<void> {
  const { kind } = sandbox.state;
  if (sandbox.record.owner !== 'cri') return; // its own supervisor looks after it
  try {
    if (kind === 'creating') await sandbox.mutex.run(() => discardSandbox(pods, sandbox));
    else if (kind === 'removing') await sandbox.mutex.run(() => removeSandbox(pods, sandbox));
    else if (kind === 'ready') await keepSettling(pods, sandbox);
  } catch (error) {
    pods.log.error(
      { sandbox: sandbox.id, error: describeError(error) },
      'an unfinished call could not be settled',
    );
  }
}

/** Dead pods give back what they hold of the network; only then may the networks be swept. */
async function settleNetworks(pods: PodService): Promise<void> {
  await eachOf(pods.allSandboxes(), (sandbox) =>
    sandbox.mutex.run(async () => {
      const { state } = sandbox;
      if (pods.isClosed || state.kind !== 'notready' || state.networkDown) return;
      try {
        await takeNetworkDown(pods, sandbox);
        sandbox.advance({ ...state, networkDown: true });
      } catch (error) {
        const fields = { sandbox: sandbox.id, error: describeError(error) };
        pods.log.error(
          fields,
          'the network of a dead pod could not be torn down; StopPodSandbox tries again',
        );
      }
    }),
  );
  if (!pods.isClosed) await pods.network.collectGarbage(networkRecords(pods));
}

function networkRecords(pods: PodService): NetworkRecord[] {
  return pods.allSandboxes().flatMap(({ record }) => {
    const gone = record.state.kind === 'notready' && record.state.networkDown;
    return gone || record.network === undefined ? [] : [record.network];
  });
}

/** Containers that may still run need their layers; the others' mounts are let go. */
function imageUsers(pods: PodService): Map<string, readonly string[]> {
  const users = new Map<string, readonly string[]>();
  for (const { id, imageId, volumeImageIds = [], state } of pods.containers()) {
    if (state.kind === 'created' || state.kind === 'running') users.set(id, [imageId, ...volumeImageIds]);
  }
  return users;
}

/** Below the state directory, which is this instance's alone: sockets of pods that are no more. */
async function removeStaleState(pods: PodService): Promise<void> {
  for (const id of listIds(join(pods.roots.state, 'pods'))) {
    const directory = new PodDirectory(pods.roots, id);
    if (!existsSync(directory.path)) await removeTree(directory.statePath);
  }
}

function listIds(directory: string): string[] {
  try {
    return readdirSync(directory).filter(isId);
  } catch (error) {
    if (errno(error) === 'ENOENT') return [];
    throw error;
  }
}

async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
}
