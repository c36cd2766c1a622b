import { describeError, GantryError, nowNanoseconds } from '../../base/index.ts';
import type { StartContainerRequest, StartContainerResponse } from '../../cri-types/index.ts';
import { type Container, type Life, markExited, markStarted } from '../../pod/index.ts';
import { asLimitError } from '../../resources/index.ts';
import { type Stage1Client, Stage1Error } from '../../stage1/index.ts';
import type { Rpc } from '../context.ts';

/** What the peers report of a container whose program could not be executed. */
const START_FAILED = 128;
const SIGKILL = 9;

/**
 * Executes the program of a created container. Errors: failed-precondition for one that was started before; whatever the exec
 * said, and then the container is exited with the reason StartError.
 */
export const startContainer: Rpc<StartContainerRequest, StartContainerResponse> = async (
  { pods, life },
  request,
) => {
  const container = pods.requireContainerObject(request.containerId);
  await container.mutex.run(() => start(life, container));
  return {};
};

async function start(life: Life, container: Container): Promise<void> {
  if (container.state.kind !== 'created') {
    throw new GantryError({
      code: 'failed-precondition',
      operation: 'start container',
      subject: container.id,
      message: `container ${container.id} cannot be started: it is ${container.state.kind}, not created`,
    });
  }
  container.sandbox.requireClient('start container');
  await life.nri.startContainer(container.id, () => execute(life, container));
}

async function execute(life: Life, container: Container): Promise<void> {
  const client = container.sandbox.requireClient('start container');
  let refused = false;
  try {
    await client.start(container.id).catch((error: unknown) => {
      refused = error instanceof Stage1Error;
      asLimitError(error);
    });
  } catch (error) {
    if (refused) markFailed(life, container, describeError(error));
    else endUnanswered(client, container);
    throw error;
  }
  // Its event has usually said so already, and may have said that it is over too.
  markStarted(life, container, 0, nowNanoseconds());
}

/**
 * No answer says nothing about the program: it may start yet, and its caller was told that it did not. A stage1 that hangs reads the
 * kill behind the start, and reports the end. One whose connection is lost is accounted for by whoever settles the pod.
 */
function endUnanswered(client: Stage1Client, { id }: Container): void {
  client.stop(id, 0n, SIGKILL, {}).catch(() => undefined);
}

function markFailed(life: Life, container: Container, message: string): void {
  const end = { finishedAt: nowNanoseconds(), exitCode: START_FAILED, reason: 'StartError', message };
  if (container.state.kind === 'exited') container.advance({ ...container.state, ...end });
  else markExited(life, container, { startedAt: 0n, ...end });
}
