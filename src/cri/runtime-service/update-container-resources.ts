import { GantryError } from '../../base/index.ts';
import type {
  UpdateContainerResourcesRequest,
  UpdateContainerResourcesResponse,
} from '../../cri-types/index.ts';
import { type Container, type Life, updateLimits } from '../../pod/index.ts';
import { mergeResources, toOciResources } from '../../resources/index.ts';
import type { Rpc } from '../context.ts';

/** Sets new limits on a created or running container; members that are 0 or empty stay as they are. Status shows the result. */
export const updateContainerResources: Rpc<
  UpdateContainerResourcesRequest,
  UpdateContainerResourcesResponse
> = async ({ pods, life }, request) => {
  const container = pods.requireContainerObject(request.containerId);
  await container.mutex.run(() => update(life, container, request));
  return {};
};

async function update(
  life: Life,
  container: Container,
  request: UpdateContainerResourcesRequest,
): Promise<void> {
  const { kind } = container.state;
  if (kind !== 'created' && kind !== 'running') {
    throw new GantryError({
      code: 'failed-precondition',
      operation: 'update container resources',
      subject: container.id,
      message: `container ${container.id} is ${kind}: only a created or running one has resources to update`,
    });
  }
  if (request.linux === undefined) return;
  container.sandbox.requireClient('update container resources');
  const { linux } = request;
  const adjusted = await life.nri.updateContainer(container.id, linux);
  if (adjusted !== undefined) await updateLimits(life, container, adjusted);
  else {
    const limits = toOciResources(linux, life.host.swapAccounting);
    await updateLimits(life, container, limits, (before) => mergeResources(before, linux));
  }
  await life.nri.postUpdateContainer(container.id);
}
