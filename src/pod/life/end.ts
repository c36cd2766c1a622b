/** The only way out for a pod: StopPodSandbox, RemovePodSandbox, the undo of a making, a dead pod's account, recovery. */
import { describeError, nowNanoseconds } from '../../base/index.ts';
import { type PodResourceName, podResources } from '../plan/resources.ts';
import { podResourceOf } from '../resource/index.ts';
import type { Sandbox } from '../store/sandbox.ts';
import { removeContainerNow } from './end-container.ts';
import { accountForLost, publish } from './exits.ts';
import type { Life } from './life.ts';
import { tellPodStopped } from './nri-tell.ts';
import { EndError, releaseAll } from './walk.ts';

/**
 * Releases what the host holds for the pod, down to `downTo` and with it, each once. `why`: what is said of containers whose
 * end nobody recorded; '' when it was asked for. A release that fails leaves the pod not ready, with the step and the reason in
 * its record. Idempotent; under the sandbox's mutex. Errors: the release's.
 */
export async function end(life: Life, sandbox: Sandbox, downTo: PodResourceName, why: string): Promise<void> {
  const order = podResources(sandbox.record);
  try {
    if (sandbox.held.has('supervisor')) {
      await releaseAll(life, order, podResourceOf, sandbox, 'supervisor');
      accountForAll(life, sandbox, why);
    }
    await releaseAll(life, order, podResourceOf, sandbox, downTo);
  } catch (error) {
    if (!(error instanceof EndError)) throw error;
    keepFailure(life, sandbox, error);
    throw error.cause;
  }
  forgetFailure(life, sandbox);
}

/** No process of the pod is left: every container has ended, and the pod is not ready. */
function accountForAll(life: Life, sandbox: Sandbox, why: string): void {
  const when = nowNanoseconds();
  for (const container of sandbox.containers.values()) {
    const message = `pod sandbox ${sandbox.id}: ${why} before this container's end was recorded`;
    accountForLost(life, container, when, message);
  }
  if (sandbox.state.kind === 'ready') {
    sandbox.advance({ kind: 'notready', networkDown: !hasNetwork(sandbox), reason: why });
    publish(life, 'stopped', sandbox);
  }
}

/** Whether there is anything of a network to take down. */
function hasNetwork({ record }: Sandbox): boolean {
  return record.network !== undefined || record.netnsPath !== '' || record.usernsPath !== '';
}

/** The pod is shown as not ready, with the step that failed and why. */
function keepFailure(life: Life, sandbox: Sandbox, { failure }: EndError): void {
  const { state } = sandbox;
  if (state.kind === 'creating') {
    sandbox.note({ state: { kind: 'removing' }, failure });
    return;
  }
  sandbox.patch({ failure });
  if (state.kind !== 'ready') {
    sandbox.note({});
    return;
  }
  const reason = `${failure.step} cannot be released: ${failure.message}`;
  sandbox.advance({ kind: 'notready', networkDown: false, reason });
  publish(life, 'stopped', sandbox);
}

/** What had failed is released by now. */
function forgetFailure(life: Life, sandbox: Sandbox): void {
  const { failure } = sandbox.record;
  if (failure === undefined || sandbox.held.has(failure.step as PodResourceName)) return;
  if (sandbox.held.has('directory')) sandbox.note({ failure: undefined });
  life.log.info({ sandbox: sandbox.id, step: failure.step }, 'what could not be released is released now');
}

/**
 * Ends every process, then takes the network down. What fails is tried again in the background, too. Idempotent; under the
 * sandbox's mutex. Errors: the step's, and the pod may be stopped again.
 */
export async function stopPod(life: Life, sandbox: Sandbox): Promise<void> {
  try {
    await stopOnce(life, sandbox);
  } catch (error) {
    tryAgain(life, sandbox);
    throw error;
  }
}

async function stopOnce(life: Life, sandbox: Sandbox): Promise<void> {
  await end(life, sandbox, 'supervisor', '');
  // Plug-ins hear of it when no process is left, and what they look at still is there.
  await tellPodStopped(life, sandbox);
  await endNetwork(life, sandbox);
}

/** The network and the namespaces: DEL first; the namespace stays until it has succeeded. Idempotent; under the mutex. */
export async function endNetwork(life: Life, sandbox: Sandbox): Promise<void> {
  const names = podResources(sandbox.record).flat() as PodResourceName[];
  const last = names.find((name) => name === 'userns' || name === 'netns');
  if (last !== undefined) await end(life, sandbox, last, '');
  const { state } = sandbox;
  if (state.kind === 'notready' && !state.networkDown) sandbox.advance({ ...state, networkDown: true });
}

/** Stops what runs, removes what there is; in the background too, once it was asked for. Idempotent; under the mutex. */
export async function removePod(life: Life, sandbox: Sandbox): Promise<void> {
  sandbox.removalAsked = true;
  try {
    await removeOnce(life, sandbox);
  } catch (error) {
    tryAgain(life, sandbox);
    throw error;
  }
}

async function removeOnce(life: Life, sandbox: Sandbox): Promise<void> {
  if (life.registry.anySandbox(sandbox.id) !== sandbox) return;
  await stopOnce(life, sandbox);
  // From here on no container can be added; those in the making fail and undo themselves.
  sandbox.advance({ kind: 'removing' });
  sandbox.making.giveUp(`pod sandbox ${sandbox.id} is being removed`);
  await sandbox.making.ended();
  for (const container of [...sandbox.containers.values()]) {
    await container.mutex.run(() => removeContainerNow(life, container));
  }
  await life.nri.removePodSandbox(sandbox.id);
  await end(life, sandbox, 'directory', '');
  life.registry.dropSandbox(sandbox);
  publish(life, 'deleted', sandbox);
}

/** What was asked for last, until it succeeds. */
function tryAgain(life: Life, sandbox: Sandbox): void {
  const attempt = (): Promise<void> =>
    sandbox.removalAsked ? removeOnce(life, sandbox) : stopOnce(life, sandbox);
  void life.retries.until(`end ${sandbox.id}`, () => sandbox.mutex.run(attempt));
}

/**
 * Takes back a pod that never was ready: of a call that failed, or of a server that is gone. What cannot be released stays, not
 * ready and with its reason, and is tried again; its name is free at once. Never rejects.
 */
export async function endUnmadePod(life: Life, sandbox: Sandbox): Promise<void> {
  life.registry.unnameSandbox(sandbox);
  const attempt = (): Promise<void> => sandbox.mutex.run(() => removeUnmade(life, sandbox));
  try {
    await attempt();
  } catch (error) {
    life.log.error(
      { sandbox: sandbox.id, error: describeError(error) },
      'a failed pod could not be taken back',
    );
    void life.retries.until(`end ${sandbox.id}`, attempt);
  }
}

async function removeUnmade(life: Life, sandbox: Sandbox): Promise<void> {
  if (life.registry.anySandbox(sandbox.id) !== sandbox) return;
  for (const container of [...sandbox.containers.values()]) await removeContainerNow(life, container);
  await life.nri.removePodSandbox(sandbox.id);
  await end(life, sandbox, 'directory', 'it was never ready');
  life.registry.dropSandbox(sandbox);
}
