/** Start-up: records read, live pods adopted, dead ones accounted for, unfinished calls taken back or finished. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeError, paths, sweepTemporaryFiles } from '../../base/index.ts';
import type { NetworkRecord } from '../../network/index.ts';
import type { SandboxRecord } from '../model/record.ts';
import type { PodService } from '../service.ts';
import {
  quarantine,
  type Reading,
  readContainerRecord,
  readNetworkRecord,
  readSandboxRecord,
} from '../store/codec.ts';
import { isThere, listIds, PodDirectory, removeTree } from '../store/directory.ts';
import { Container, Sandbox } from '../store/sandbox.ts';
import { keepSettling, settleReady } from './link.ts';
import { discardSandbox, removeSandbox, takeNetworkDown } from './teardown.ts';
import { clearNamed, endUnknown, keepUnknown, stillUnknown } from './unknown.ts';

/** Pods looked after at once: each waits for a socket, or for the kernel to kill. */
const PARALLEL = 16;
/** Milliseconds that one pod may hold a place among those; it goes on without one. */
const TURN = 250;
/** Milliseconds that start-up waits for pods which do not settle; they are seen to in the background. */
const PATIENCE = 5_000;

export async function recover(pods: PodService): Promise<void> {
  const started = performance.now();
  const ids = listIds(paths.pods(pods.roots));
  for (const id of ids) await readPod(pods, new PodDirectory(pods.roots, id));
  const settling = settleAll(pods.allSandboxes(), (sandbox) => settle(pods, sandbox));
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

/** One pod's records into the registry. One that cannot be read or understood is kept in sight, see `unknown.ts`. */
async function readPod(pods: PodService, directory: PodDirectory): Promise<void> {
  const reading = readSandbox(directory);
  if (reading.kind === 'read') {
    addPod(pods, directory, reading);
    return;
  }
  try {
    if (await endUnknown(pods, directory, reading)) return;
  } catch (error) {
    pods.log.error(
      { sandbox: directory.id, error: describeError(error) },
      'a bad pod could not be set aside',
    );
  }
  keepUnknown(pods, directory, reading, () => lookAgain(pods, directory));
}

async function lookAgain(pods: PodService, directory: PodDirectory): Promise<void> {
  const reading = readSandbox(directory);
  if (reading.kind === 'read') {
    pods.unknownPods.delete(directory.id);
    const sandbox = addPod(pods, directory, reading);
    pods.log.info({ sandbox: sandbox.id }, 'a pod that was not understood can be read now');
    await settle(pods, sandbox);
    return;
  }
  if (!isThere(directory.path)) {
    pods.unknownPods.delete(directory.id);
    return;
  }
  if (await endUnknown(pods, directory, reading)) return;
  keepUnknown(pods, directory, reading, () => lookAgain(pods, directory));
  throw stillUnknown(directory.id, reading);
}

/** The record with what was announced of a network that was still being made. */
function readSandbox(directory: PodDirectory): Reading<SandboxRecord> {
  const reading = readSandboxRecord(directory.record);
  if (reading.kind !== 'read' || reading.record.network !== undefined) return reading;
  const network = readNetworkRecord(directory.network);
  if (network.kind === 'absent') return reading;
  if (network.kind === 'unreadable') return network;
  // A torn one was never announced: what it names was not yet made.
  return network.kind === 'read'
    ? { ...reading, record: { ...reading.record, network: network.record } }
    : reading;
}

function addPod(
  pods: PodService,
  directory: PodDirectory,
  { record, origin }: Extract<Reading<SandboxRecord>, { kind: 'read' }>,
): Sandbox {
  const sandbox = new Sandbox(directory, record, pods.log, origin);
  pods.addSandbox(sandbox);
  if (record.state.kind !== 'creating') pods.nameSandbox(sandbox);
  sweep(pods, directory.path);
  for (const appId of directory.apps()) readContainer(pods, sandbox, appId);
  return sandbox;
}

/** Records that a killed server did not finish writing. What cannot be swept is no reason to doubt a pod. */
function sweep(pods: PodService, directory: string): void {
  try {
    sweepTemporaryFiles(directory);
  } catch (error) {
    pods.log.warn({ directory, error: describeError(error) }, 'unfinished files could not be removed');
  }
}

function readContainer(pods: PodService, sandbox: Sandbox, appId: string): void {
  const reading = readContainerRecord(sandbox.directory.appRecord(appId));
  if (reading.kind === 'read') {
    const container = new Container(sandbox, reading.record, pods.log, reading.origin);
    pods.addContainer(container);
    if (reading.record.state.kind !== 'creating') pods.nameContainer(container);
    sweep(pods, sandbox.directory.app(appId));
    return;
  }
  const why = reading.kind === 'absent' ? 'its record is missing' : describeError(reading.error);
  sandbox.unknownContainers.set(appId, why);
  pods.log.error({ sandbox: sandbox.id, container: appId, error: why }, 'a container is not understood');
}

/** A dead pod's containers without a usable record: nothing of them runs any more. Those of a live pod stay until it ends. */
async function endUnknownContainers(pods: PodService, sandbox: Sandbox): Promise<void> {
  for (const appId of [...sandbox.unknownContainers.keys()]) {
    const reading = readContainerRecord(sandbox.directory.appRecord(appId));
    if (reading.kind !== 'absent' && reading.kind !== 'torn') continue;
    await clearNamed(pods, [appId]);
    if (reading.kind === 'torn') quarantine(sandbox.directory.app(appId), paths.quarantine(pods.roots));
    else await removeTree(sandbox.directory.app(appId));
    sandbox.unknownContainers.delete(appId);
  }
}

/** One attempt, or the beginning of many: what fails is tried again in the background. Never rejects. */
async function settle(pods: PodService, sandbox: Sandbox): Promise<void> {
  const { kind } = sandbox.state;
  if (sandbox.record.owner !== 'cri') return; // its own supervisor looks after it
  const attempt = async (): Promise<void> => {
    if (kind === 'creating') await sandbox.mutex.run(() => discardSandbox(pods, sandbox));
    else if (kind === 'removing') await sandbox.mutex.run(() => removeSandbox(pods, sandbox));
    else if (kind === 'ready') await settleReady(pods, sandbox);
    if (sandbox.state.kind === 'notready') await endUnknownContainers(pods, sandbox);
  };
  try {
    await attempt();
  } catch (error) {
    pods.log.error({ sandbox: sandbox.id, error: describeError(error) }, 'a pod could not be settled');
    if (kind === 'ready') await keepSettling(pods, sandbox);
    else await pods.retries.until(`settle ${sandbox.id}`, attempt);
  }
}

/** Dead pods give back what they hold of the network; only then may the networks be swept. */
async function settleNetworks(pods: PodService): Promise<void> {
  await settleAll(pods.allSandboxes(), (sandbox) =>
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
  // What a pod that is not understood holds is not known.
  if (!pods.isClosed && pods.unknownPods.size === 0) await pods.network.collectGarbage(networkRecords(pods));
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
  // What is not understood keeps what it has.
  for (const sandbox of pods.allSandboxes()) {
    for (const id of sandbox.unknownContainers.keys()) users.set(id, []);
  }
  for (const id of pods.unknownPods.keys()) {
    for (const app of new PodDirectory(pods.roots, id).apps()) users.set(app, []);
  }
  return users;
}

/** Below the state directory, which is this instance's alone: sockets of pods that are no more. */
async function removeStaleState(pods: PodService): Promise<void> {
  for (const id of listIds(join(pods.roots.state, 'pods'))) {
    const directory = new PodDirectory(pods.roots, id);
    if (!isThere(directory.path)) await removeTree(directory.statePath);
  }
}

/** All of them, some at once. One that takes long goes on beside the others, so that nobody waits behind those that hang. */
async function settleAll<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const begun: Promise<void>[] = [];
  const worker = async (): Promise<void> => {
    for (const item of queue) {
      const done = work(item);
      begun.push(done);
      await Promise.race([done, sleep(TURN, undefined, { ref: false })]);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  await Promise.all(begun);
}
