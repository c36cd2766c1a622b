/** The only way out for a container: RemoveContainer, its pod's removal, the undo of a making, recovery. */
import { describeError } from '../../base/index.ts';
import { type AppResourceName, appResources } from '../plan/resources.ts';
import { appResourceOf } from '../resource/index.ts';
import type { Container } from '../store/sandbox.ts';
import { publish } from './exits.ts';
import type { Life } from './life.ts';
import { EndError, releaseAll } from './walk.ts';

/**
 * Removes a container that does not run, once. Idempotent: what failed half-way is begun again. Under the container's mutex.
 * Nobody hears of the end of one that was never shown. Errors: the step's.
 */
export async function removeContainerNow(life: Life, container: Container): Promise<void> {
  const { sandbox, id } = container;
  // Its own removal and its pod's may both have waited for the mutex.
  if (sandbox.containers.get(id) !== container) return;
  const shown = container.state.kind !== 'creating';
  await release(life, container, 'layers');
  // One that was never shown is undone at start-up whatever its record says.
  if (shown) container.advance({ kind: 'removing' });
  await release(life, container, 'directory');
  life.registry.dropContainer(container);
  if (shown) publish(life, 'deleted', sandbox, container);
}

/**
 * The same for one that is shown. Once its record says that it is being removed, nobody sees it to ask again: then what fails is
 * tried again in the background. Errors: the step's.
 */
export async function removeShown(life: Life, container: Container): Promise<void> {
  try {
    await removeContainerNow(life, container);
  } catch (error) {
    if (container.state.kind === 'removing') keepRemoving(life, container);
    throw error;
  }
}

async function release(life: Life, container: Container, downTo: AppResourceName): Promise<void> {
  try {
    await releaseAll(life, appResources(), appResourceOf, container, downTo);
  } catch (error) {
    throw error instanceof EndError ? error.cause : error;
  }
}

/** Takes back one that was being made, by this server or one that is gone; its name is free at once. Never rejects. */
export async function endUnmadeContainer(life: Life, container: Container): Promise<void> {
  life.registry.unnameContainer(container);
  try {
    await removeContainerNow(life, container);
  } catch (error) {
    life.log.error(
      { container: container.id, error: describeError(error) },
      'a container could not be taken back',
    );
    keepRemoving(life, container);
  }
}

/** In the background, until it succeeds. */
export function keepRemoving(life: Life, container: Container): void {
  void life.retries.until(`end container ${container.id}`, () =>
    container.mutex.run(() => removeContainerNow(life, container)),
  );
}
