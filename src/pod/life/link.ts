/** The connection between a pod and its stage1: what its events do, and what its loss means. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describeError, nowNanoseconds } from '../../base/index.ts';
import type { Stage1Client, Stage1Event } from '../../stage1/index.ts';
import type { PodService } from '../service.ts';
import { bootId } from '../store/directory.ts';
import type { Container, Sandbox } from '../store/sandbox.ts';
import { bury } from './bury.ts';
import { accountForLost, applyAppState, markStarted } from './exits.ts';
import { discardContainer, eraseContainer, forgetApp } from './remove.ts';

/** From now on this client is the pod's: events reach its containers, its loss is looked into. */
export function link(pods: PodService, sandbox: Sandbox, client: Stage1Client): void {
  sandbox.attach(client);
  client.listen((event) => onEvent(pods, sandbox, event));
  watch(pods, sandbox, client);
}

function watch(pods: PodService, sandbox: Sandbox, client: Stage1Client): void {
  void client.closed.then(() => onLost(pods, sandbox, client));
}

export function onEvent(pods: PodService, sandbox: Sandbox, event: Stage1Event): void {
  if (event.appExited?.app) {
    const { app } = event.appExited;
    const container = sandbox.containers.get(app.appId);
    if (container !== undefined) applyAppState(pods, container, app);
  } else if (event.appStarted !== undefined) {
    const { appId, pid, startedAt } = event.appStarted;
    const container = sandbox.containers.get(appId);
    if (container !== undefined) markStarted(pods, container, pid, startedAt);
  } else if (event.warning !== undefined) {
    const { appId, message } = event.warning;
    const about = { sandbox: sandbox.id, ...(appId === '' ? {} : { container: appId }) };
    pods.log[pods.warnings.level(message)](about, message);
  }
}

/**
 * Finds out what became of a pod that should be ready, and acts on it: buried when its lock is free, connected to otherwise.
 * Nothing to do for one that has a connection, or is not ready. Takes the sandbox's mutex. Errors: those of either, and it has
 * to be tried again.
 */
export function settleReady(pods: PodService, sandbox: Sandbox): Promise<void> {
  return sandbox.mutex.run(async () => {
    if (pods.isClosed || sandbox.state.kind !== 'ready' || sandbox.client !== undefined) return;
    if (!sandbox.directory.isHeld()) {
      const why = sandbox.record.bootId === bootId() ? 'its stage1 died' : 'the node was restarted';
      pods.log.warn({ sandbox: sandbox.id }, `pod is dead: ${why}`);
      await bury(pods, sandbox, why);
      return;
    }
    await adopt(pods, sandbox);
  });
}

/** The same until it is done, ever more slowly. Never rejects. */
export function keepSettling(pods: PodService, sandbox: Sandbox): Promise<void> {
  return pods.retries.until(`settle ${sandbox.id}`, () => settleReady(pods, sandbox), 5_000);
}

async function onLost(pods: PodService, sandbox: Sandbox, client: Stage1Client): Promise<void> {
  // A killed process lets go of its descriptors one by one: the socket may go a moment before the lock. And whoever stops
  // the pod on purpose needs us for nothing.
  for (let wait = 1; wait < 100 && sandbox.state.kind === 'ready'; wait *= 2) {
    if (pods.isClosed || !sandbox.directory.isHeld()) break;
    await sleep(wait, undefined, { ref: false });
  }
  client.close();
  if (sandbox.state.kind === 'ready') await keepSettling(pods, sandbox);
}

/**
 * Connects to a live stage1 and brings records and facts together: it knows best what became of its apps. The connection is the
 * pod's only when that is done: a container that was made meanwhile would not be among those that stage1 has told of.
 */
async function adopt(pods: PodService, sandbox: Sandbox): Promise<void> {
  const client = await pods.control.Stage1Client.connect(sandbox.directory.controlSocket);
  try {
    // Listening first: what happens after the state was taken arrives as an event, and applying twice does no harm.
    client.listen((event) => onEvent(pods, sandbox, event));
    await client.subscribe();
    await applyState(pods, sandbox, client);
  } catch (error) {
    client.close();
    throw error;
  }
  sandbox.attach(client);
  watch(pods, sandbox, client);
}

async function applyState(pods: PodService, sandbox: Sandbox, client: Stage1Client): Promise<void> {
  const { apps } = await client.getState();
  const known = new Set<string>();
  for (const app of apps) {
    known.add(app.appId);
    const container = sandbox.containers.get(app.appId);
    if (container !== undefined) applyAppState(pods, container, app);
    else if (!sandbox.unknownContainers.has(app.appId)) {
      await tryOn(pods, app.appId, () => forgetStranger(pods, sandbox, client, app.appId));
    }
  }
  for (const container of [...sandbox.containers.values()]) {
    await tryOn(pods, container.id, () => settleContainer(pods, container, client, known.has(container.id)));
  }
}

/** What a server that is gone had begun is taken back, or finished. What this one is making is its maker's to end. */
async function settleContainer(
  pods: PodService,
  container: Container,
  client: Stage1Client,
  known: boolean,
): Promise<void> {
  const { kind } = container.state;
  if (container.inMaking) return;
  if (kind === 'creating') await discardContainer(pods, container, client);
  else if (kind === 'removing') await eraseContainer(pods, container, client);
  else if (!known) {
    accountForLost(pods, container, nowNanoseconds(), 'its stage1 does not know this container');
  }
}

/** One container that cannot be settled must not keep its pod from being adopted: the next start tries again. */
async function tryOn(pods: PodService, containerId: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    pods.log.error({ container: containerId, error: describeError(error) }, 'cannot settle a container');
  }
}

/** An app without a record (it was set aside, or its directory is gone): it cannot be shown, so it must not run. */
async function forgetStranger(
  pods: PodService,
  sandbox: Sandbox,
  client: Stage1Client,
  appId: string,
): Promise<void> {
  pods.log.warn(
    { sandbox: sandbox.id, container: appId },
    'stage1 runs an app that no record names; it is stopped',
  );
  await forgetApp(client, appId);
  await pods.images.releaseLayers(appId);
}
