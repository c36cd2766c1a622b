import type { StopContainerRequest, StopContainerResponse } from '../../cri-types/index.ts';
import { stopContainer as stop, tellContainerStopped, waitFor } from '../../pod/index.ts';
import type { Rpc } from '../context.ts';

/**
 * The stop signal, `timeout` seconds, then kill. Idempotent: a container that has ended, or never was, is no error (CRI,
 * StopContainer). It goes on when the caller has gone.
 */
export const stopContainer: Rpc<StopContainerRequest, StopContainerResponse> = async (
  { pods, life },
  request,
  { signal },
) => {
  const container = pods.findContainer(request.containerId);
  if (container !== undefined) {
    const stopped = stop(life, container, request.timeout).then(() => tellContainerStopped(life, container));
    await waitFor(stopped, signal, `container ${container.id} is still being stopped; ask again`);
  }
  return {};
};
