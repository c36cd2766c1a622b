/** Start-up: records read, live pods adopted, dead ones accounted for, unfinished calls taken back or finished. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeError, paths, sweepTemporaryFiles, systemError } from '../../base/index.ts';
import type { NetworkRecord } from '../../network/index.ts';
import type { SandboxRecord } from '../model/record.ts';
import {
  quarantine,
  type Reading,
  readContainerRecord,
  readNetworkRecord,
  readSandboxRecord,
} from '../store/codec.ts';
import { isThere, listIds, PodDirectory, removeTree } from '../store/directory.ts';
import { Container, Sandbox } from '../store/sandbox.ts';
import { end, endNetwork, endUnmadePod, removePod } from './end.ts';
import type { Life } from './life.ts';
import { finishContainers, keepSettling, settle } from './settle.ts';
import { endUnknown, keepUnknown, releaseNamed, stillUnknown } from './unknown.ts';

/** Pods looked after at once: each waits for a socket, or for the kernel to kill. */
const PARALLEL = 16;
/** Milliseconds that one pod may hold a place among those; it goes on without one. */
const TURN = 250;
/** Milliseconds that start-up waits for pods which do not settle; they are seen to in the background. */
const PATIENCE = 5_000;

export async function recover(life: Life): Promise<void> {
  const started = performance.now();
  const ids = listIds(paths.pods(life.roots));
  for (const id of ids) await readPod(life, new PodDirectory(life.roots, id));
  const settling = settleAll(life.registry.allSandboxes(), (sandbox) => settlePod(life, sandbox));
  await Promise.race([settling, sleep(PATIENCE, undefined, { ref: false })]);
  await reconcileImages(life);
  await removeStaleState(life);
  life.settled = endNetworks(life, settling).catch((error) => {
    life.log.error({ error: describeError(error) }, 'clean-up after start failed');
  });
  const milliseconds = Math.round(performance.now() - started);
  life.log.info(
    { pods: ids.length, containers: life.registry.containers().length, milliseconds },
    'records read',
  );
}

/** One pod's records into the registry. One that cannot be read or understood is kept in sight, see `unknown.ts`. */
async function readPod(life: Life, directory: PodDirectory): Promise<void> {
  const reading = readSandbox(directory);
  if (reading.kind === 'read') {
    addPod(life, directory, reading);
    return;
  }
  try {
    if (await endUnknown(life, directory, reading)) return;
  } catch (error) {
    life.log.error(
      { sandbox: directory.id, error: describeError(error) },
      'a bad pod could not be set aside',
    );
  }
  keepUnknown(life, directory, reading, () => lookAgain(life, directory));
}

async function lookAgain(life: Life, directory: PodDirectory): Promise<void> {
  const reading = readSandbox(directory);
  if (reading.kind === 'read') {
    life.registry.unknownPods.delete(directory.id);
    const sandbox = addPod(life, directory, reading);
    life.log.info({ sandbox: sandbox.id }, 'a pod that was not understood can be read now');
    await settlePod(life, sandbox);
    return;
  }
  if (!isThere(directory.path)) {
    life.registry.unknownPods.delete(directory.id);
    return;
  }
  if (await endUnknown(life, directory, reading)) return;
  keepUnknown(life, directory, reading, () => lookAgain(life, directory));
  throw stillUnknown(directory.id, reading);
}

/** A pod whose containers cannot be listed is not understood either. */
function readRecordAndApps(directory: PodDirectory): Reading<SandboxRecord> {
  const reading = readSandboxRecord(directory.record);
  if (reading.kind !== 'read') return reading;
  try {
    directory.apps();
    return reading;
  } catch (error) {
    return { kind: 'unreadable', error: systemError('list the containers in', directory.path, error) };
  }
}

/** The record with what was announced of a network that was still being made. */
function readSandbox(directory: PodDirectory): Reading<SandboxRecord> {
  const reading = readRecordAndApps(directory);
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
  life: Life,
  directory: PodDirectory,
  { record, origin }: Extract<Reading<SandboxRecord>, { kind: 'read' }>,
): Sandbox {
  const sandbox = new Sandbox(directory, record, life.log, origin);
  life.registry.addSandbox(sandbox);
  if (record.state.kind !== 'creating') life.registry.nameSandbox(sandbox);
  sweep(life, directory.path);
  for (const appId of directory.apps()) readContainer(life, sandbox, appId);
  return sandbox;
}

/** Records that a killed server did not finish writing. What cannot be swept is no reason to doubt a pod. */
function sweep(life: Life, directory: string): void {
  try {
    sweepTemporaryFiles(directory);
  } catch (error) {
    life.log.warn({ directory, error: describeError(error) }, 'unfinished files could not be removed');
  }
}

function readContainer(life: Life, sandbox: Sandbox, appId: string): void {
  const reading = readContainerRecord(sandbox.directory.appRecord(appId));
  if (reading.kind === 'read') {
    const container = new Container(sandbox, reading.record, life.log, reading.origin);
    life.registry.addContainer(container);
    if (reading.record.state.kind !== 'creating') life.registry.nameContainer(container);
    sweep(life, sandbox.directory.app(appId));
    return;
  }
  const why = reading.kind === 'absent' ? 'its record is missing' : describeError(reading.error);
  sandbox.unknownContainers.set(appId, why);
  life.log.error({ sandbox: sandbox.id, container: appId, error: why }, 'a container is not understood');
}

/** Containers without a usable record of which nothing runs: the pod is dead, or its stage1 does not know them. The others stay. */
async function endUnknownContainers(life: Life, sandbox: Sandbox): Promise<void> {
  const alive = await appsOf(sandbox);
  if (alive === undefined) return;
  for (const appId of [...sandbox.unknownContainers.keys()].filter((id) => !alive.has(id))) {
    const reading = readContainerRecord(sandbox.directory.appRecord(appId));
    if (reading.kind !== 'absent' && reading.kind !== 'torn') continue;
    await releaseNamed(life, [appId]);
    if (reading.kind === 'torn') quarantine(sandbox.directory.app(appId), paths.quarantine(life.roots));
    else await removeTree(sandbox.directory.app(appId));
    sandbox.unknownContainers.delete(appId);
  }
}

/** Those that its stage1 knows; none in a dead pod. Undefined while that cannot be told. */
async function appsOf({ state, client }: Sandbox): Promise<ReadonlySet<string> | undefined> {
  if (state.kind === 'notready') return new Set();
  if (client === undefined) return undefined;
  return new Set((await client.getState()).apps.map(({ appId }) => appId));
}

/** One attempt, or the beginning of many: what fails is tried again in the background. Never rejects. */
async function settlePod(life: Life, sandbox: Sandbox): Promise<void> {
  const { state, record } = sandbox;
  if (!life.owners(record.owner).supervisedByServer) return;
  if (state.kind === 'creating') return await endUnmadePod(life, sandbox);
  try {
    if (state.kind === 'removing') await sandbox.mutex.run(() => removePod(life, sandbox));
    else if (state.kind === 'ready') await settle(life, sandbox);
    else await sandbox.mutex.run(() => end(life, sandbox, 'supervisor', state.reason));
    if (sandbox.unknownContainers.size > 0) await endUnknownContainers(life, sandbox);
    if (sandbox.state.kind === 'notready') await finishContainers(life, sandbox);
  } catch (error) {
    life.log.error({ sandbox: sandbox.id, error: describeError(error) }, 'a pod could not be settled');
    if (state.kind !== 'removing') await keepSettling(life, sandbox);
  }
}

/** Dead pods give back what they hold of the network, and only then, when all are settled, the networks may be swept. */
async function endNetworks(life: Life, settling: Promise<void>): Promise<void> {
  // Those that are known to be dead do not wait for pods that cannot be settled, perhaps for days.
  await endNetworksOfDead(life);
  await settling;
  await endNetworksOfDead(life);
  // What a pod that is not understood holds is not known.
  if (!life.closing.aborted && life.registry.unknownPods.size === 0) {
    await life.network.collectGarbage(networkRecords(life));
  }
}

async function endNetworksOfDead(life: Life): Promise<void> {
  const dead = life.registry
    .allSandboxes()
    .filter(({ state }) => state.kind === 'notready' && !state.networkDown);
  await settleAll(dead, (sandbox) =>
    sandbox.mutex.run(async () => {
      const { state } = sandbox;
      if (life.closing.aborted || state.kind !== 'notready' || state.networkDown) return;
      try {
        await endNetwork(life, sandbox);
      } catch (error) {
        const fields = { sandbox: sandbox.id, error: describeError(error) };
        life.log.error(fields, 'the network of a dead pod could not be torn down; it is tried again');
        keepEndingNetwork(life, sandbox);
      }
    }),
  );
}

/** Under a key of its own: a stop or removal that is asked for meanwhile, and fails, has more to try again than this. */
function keepEndingNetwork(life: Life, sandbox: Sandbox): void {
  void life.retries.until(`end network of ${sandbox.id}`, () =>
    sandbox.mutex.run(async () => {
      if (life.registry.anySandbox(sandbox.id) === sandbox) await endNetwork(life, sandbox);
    }),
  );
}

function networkRecords(life: Life): NetworkRecord[] {
  return life.registry.allSandboxes().flatMap(({ record }) => {
    const gone = record.state.kind === 'notready' && record.state.networkDown;
    return gone || record.network === undefined ? [] : [record.network];
  });
}

/** Where it cannot be told who uses what, everything stays as it is until the next start. */
async function reconcileImages(life: Life): Promise<void> {
  let users: Map<string, readonly string[]>;
  try {
    users = imageUsers(life);
  } catch (error) {
    life.log.error(
      { error: describeError(error) },
      'layers in use are not known; none is unmounted or removed',
    );
    return;
  }
  await life.images.reconcile(users);
}

/** Containers that may still run need their layers; the others' mounts are let go. */
function imageUsers(life: Life): Map<string, readonly string[]> {
  const users = new Map<string, readonly string[]>();
  for (const { id, imageId, volumeImageIds = [], state } of life.registry.containers()) {
    if (state.kind === 'created' || state.kind === 'running') users.set(id, [imageId, ...volumeImageIds]);
  }
  // What is not understood keeps what it has.
  for (const sandbox of life.registry.allSandboxes()) {
    for (const id of sandbox.unknownContainers.keys()) users.set(id, []);
  }
  for (const id of life.registry.unknownPods.keys()) {
    for (const app of new PodDirectory(life.roots, id).apps()) users.set(app, []);
  }
  return users;
}

/** Below the state directory, which is this instance's alone: sockets of pods that are no more. */
async function removeStaleState(life: Life): Promise<void> {
  for (const id of listIds(join(life.roots.state, 'pods'))) {
    const directory = new PodDirectory(life.roots, id);
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
