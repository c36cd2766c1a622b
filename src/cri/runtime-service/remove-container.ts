import type { RemoveContainerRequest, RemoveContainerResponse } from '../../cri-types/index.ts';
import { removeContainer as remove, waitFor } from '../../pod/index.ts';
import type { Rpc } from '../context.ts';

/**
 * Removes a container, killed first if it runs. Its log stays: it is the caller's. Idempotent: one that is gone is no error
 * (CRI, RemoveContainer).
 */
export const removeContainer: Rpc<RemoveContainerRequest, RemoveContainerResponse> = async (
  { pods, life },
  request,
  { signal },
) => {
  const container = pods.findContainer(request.containerId);
  if (container !== undefined) {
    await waitFor(
      remove(life, container),
      signal,
      `container ${container.id} is still being removed; ask again`,
    );
  }
  return {};
};
