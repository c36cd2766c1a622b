/** A pod's record and the facts brought together: a living pod is adopted, a dead one ended. */
import { setTimeout as sleep } from 'node:timers/promises';
import { nowNanoseconds } from '../../base/index.ts';
import type { Stage1Client, Stage1Event } from '../../stage1/index.ts';
import { bootId } from '../store/directory.ts';
import type { Sandbox } from '../store/sandbox.ts';
import { end } from './end.ts';
import { endUnmadeContainer, keepRemoving } from './end-container.ts';
import { accountForLost, applyAppState, applyAppStates, markStarted } from './exits.ts';
import type { Life } from './life.ts';

/** Milliseconds: the longest pause before a pod that should be ready is looked at again. */
const LOOK_AGAIN = 5_000;

/**
 * Finds out what became of a pod that should be ready, and acts on it: ended when its lock is free, connected to otherwise.
 * Nothing to do for one that has a connection, or is not ready. Takes the sandbox's mutex. Errors: those of either, and it has
 * to be tried again.
 */
export function settle(life: Life, sandbox: Sandbox): Promise<void> {
  return sandbox.mutex.run(async () => {
    if (life.closing.aborted || sandbox.state.kind !== 'ready' || sandbox.client !== undefined) return;
    if (sandbox.directory.isHeld()) return await adopt(life, sandbox);
    const why = sandbox.record.bootId === bootId() ? 'its stage1 died' : 'the node was restarted';
    life.log.warn({ sandbox: sandbox.id }, `pod is dead: ${why}`);
    await end(life, sandbox, 'supervisor', why);
  });
}

/** The same until it is done, ever more slowly. Never rejects. */
export function keepSettling(life: Life, sandbox: Sandbox): Promise<void> {
  return life.retries.until(`settle ${sandbox.id}`, () => settleOrEnd(life, sandbox), LOOK_AGAIN);
}

/** A dead pod whose processes could not be ended counts as not ready from then on, and is not settled before they are. */
async function settleOrEnd(life: Life, sandbox: Sandbox): Promise<void> {
  await settle(life, sandbox);
  await sandbox.mutex.run(async () => {
    if (sandbox.state.kind === 'notready') await end(life, sandbox, 'supervisor', 'its stage1 died');
  });
}

/** This client is the pod's from now on: its loss is looked into. */
export function connect(life: Life, sandbox: Sandbox, client: Stage1Client): void {
  sandbox.attach(client);
  client.listen((event) => onEvent(life, sandbox, event));
  void client.closed.then(() => onLost(life, sandbox, client));
}

export function onEvent(life: Life, sandbox: Sandbox, event: Stage1Event): void {
  if (event.appExited?.app) {
    applyAppStates(life, sandbox, [event.appExited.app]);
  } else if (event.appStarted !== undefined) {
    const { appId, pid, startedAt } = event.appStarted;
    const container = sandbox.containers.get(appId);
    if (container !== undefined) markStarted(life, container, pid, startedAt);
  } else if (event.warning !== undefined) {
    const { appId, message } = event.warning;
    const about = { sandbox: sandbox.id, ...(appId === '' ? {} : { container: appId }) };
    life.log[life.warnings.level(message)](about, message);
  }
}

async function onLost(life: Life, sandbox: Sandbox, client: Stage1Client): Promise<void> {
  // A killed process lets go of its descriptors one by one: the socket may go a moment before the lock. And whoever stops
  // the pod on purpose needs us for nothing.
  try {
    for (let wait = 1; wait < 100 && sandbox.state.kind === 'ready'; wait *= 2) {
      if (life.closing.aborted || !sandbox.directory.isHeld()) break;
      await sleep(wait, undefined, { ref: false });
    }
  } catch {
    // The lock cannot be asked now: whoever settles asks again.
  }
  client.close();
  if (sandbox.state.kind === 'ready') await keepSettling(life, sandbox);
}

/**
 * Connects to a live stage1 and brings records and facts together: it knows best what became of its apps. The connection is the
 * pod's only when stage1's state is applied: a container that was made meanwhile would not be in it.
 */
async function adopt(life: Life, sandbox: Sandbox): Promise<void> {
  const client = await life.control.Stage1Client.connect(sandbox.directory.controlSocket);
  try {
    // Listening first: what happens after the state was taken arrives as an event, and applying twice does no harm.
    client.listen((event) => onEvent(life, sandbox, event));
    await client.subscribe();
    applyState(life, sandbox, (await client.getState()).apps);
  } catch (error) {
    client.close();
    throw error;
  }
  connect(life, sandbox, client);
  await finishContainers(life, sandbox);
}

/** In one go, so that nothing is made or ended meanwhile. */
function applyState(
  life: Life,
  sandbox: Sandbox,
  apps: Awaited<ReturnType<Stage1Client['getState']>>['apps'],
): void {
  for (const app of apps) {
    const container = sandbox.containers.get(app.appId);
    if (container !== undefined) applyAppState(life, container, app);
    else if (!sandbox.unknownContainers.has(app.appId)) keepStranger(life, sandbox, app.appId);
  }
  const known = new Set(apps.map(({ appId }) => appId));
  for (const container of sandbox.containers.values()) {
    if (known.has(container.id) || container.inMaking) continue;
    accountForLost(life, container, nowNanoseconds(), 'its stage1 does not know this container');
  }
}

/** What a server that is gone had begun is taken back, or finished. What this one is making is its maker's to end. */
export async function finishContainers(life: Life, sandbox: Sandbox): Promise<void> {
  for (const container of [...sandbox.containers.values()]) {
    if (container.inMaking) continue;
    if (container.state.kind === 'creating') await endUnmadeContainer(life, container);
    else if (container.state.kind === 'removing') keepRemoving(life, container);
  }
}

/** An app whose directory is gone: whoever removed it was not a server, which makes stage1 forget an app first. */
function keepStranger(life: Life, sandbox: Sandbox, appId: string): void {
  sandbox.unknownContainers.set(appId, 'its directory is missing');
  life.log.error(
    { sandbox: sandbox.id, container: appId },
    'stage1 has an app that no record names; it is left as it is, and goes with its pod',
  );
}
