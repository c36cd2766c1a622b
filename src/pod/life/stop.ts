/** Stopping one container. */
import { deadlines, errorCode, GantryError } from '../../base/index.ts';
import { isStage1Errno } from '../../stage1/index.ts';
import type { Container } from '../store/sandbox.ts';
import { removeShown } from './end-container.ts';
import { applyAppState } from './exits.ts';
import type { Life } from './life.ts';
import { settle } from './settle.ts';

const SIGKILL = 9;
/** stage1's own signal: the manifest's. */
const STOP_SIGNAL = 0;
/** Seconds; a longer grace is as good as for ever, and no timer counts that far. */
const LONGEST_GRACE = 2_000_000n;

/**
 * Ends a running container: its stop signal, `grace` seconds, then kill; 0 kills at once. Resolves when no process is left
 * and the exit is recorded. Idempotent; several at once are fine, the shortest grace wins (stage1 sees to that), so no mutex
 * is held. Errors: deadline-exceeded for a process that cannot be killed, unavailable.
 */
export async function stopContainer(life: Life, container: Container, grace: bigint): Promise<void> {
  if (container.state.kind !== 'running') return;
  const { sandbox } = container;
  if (sandbox.client === undefined) await settle(life, sandbox);
  if (!isRunning(container)) return;
  const client = sandbox.requireClient('stop container');
  const seconds = grace < 0n ? 0n : grace > LONGEST_GRACE ? LONGEST_GRACE : grace;
  const signal = seconds === 0n ? SIGKILL : STOP_SIGNAL;
  try {
    const timeout = Number(seconds) * 1000 + deadlines.stopContainer;
    await client.stop(container.id, seconds * 1_000_000_000n, signal, { timeout });
  } catch (error) {
    // stage1 died, or ended with the whole pod: whoever ends it accounts for the container.
    if (errorCode(error) === 'unavailable') await settle(life, sandbox);
    else if (!isStage1Errno(error, 'ESRCH') && !isStage1Errno(error, 'ENOENT')) throw error;
  }
  if (isRunning(container)) await catchUp(life, container);
  if (!isRunning(container)) return;
  throw new GantryError({
    code: 'unavailable',
    operation: 'stop container',
    subject: container.id,
    message: `container ${container.id} was told to stop, but stage1 still counts it as running; try again`,
  });
}

/** A function, so that the compiler does not take the state of a moment ago for the present one. */
function isRunning(container: Container): boolean {
  return container.state.kind === 'running';
}

async function catchUp(life: Life, container: Container): Promise<void> {
  const { client } = container.sandbox;
  if (client === undefined) return;
  const { apps } = await client.getState();
  const app = apps.find(({ appId }) => appId === container.id);
  if (app !== undefined) applyAppState(life, container, app);
}

/** Kills it if it runs, then removes what there is of it. Idempotent; takes the container's mutex. */
export async function removeContainer(life: Life, container: Container): Promise<void> {
  try {
    await removeStopped(life, container);
  } catch (error) {
    if (errorCode(error) !== 'unavailable') throw error;
    // stage1 ended between our question and its answer, most often with its pod: whoever ends that comes first,
    // and then there is nobody left who must be asked.
    await settle(life, container.sandbox);
    await removeStopped(life, container);
  }
}

async function removeStopped(life: Life, container: Container): Promise<void> {
  for (let removed = false; !removed; ) {
    // Outside of the mutex: a stop may need the sandbox's, and that one is always taken first.
    await stopContainer(life, container, 0n);
    removed = await container.mutex.run(async () => {
      if (isRunning(container)) return false; // started in between
      if (life.registry.findContainer(container.id) !== undefined) await removeShown(life, container);
      return true;
    });
  }
}
