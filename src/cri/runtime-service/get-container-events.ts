import type {
  ContainerEventResponseInit,
  ContainerEventType,
  GetEventsRequest,
} from '../../cri-types/index.ts';
import { ownerNamed } from '../../owner/index.ts';
import type { ContainerEvent } from '../../pod/index.ts';
import type { Services, StreamRpc } from '../context.ts';
import { toContainerStatus, toPodSandboxStatus } from '../status-builders.ts';

const types: Readonly<Record<ContainerEvent['type'], ContainerEventType>> = {
  created: 'CONTAINER_CREATED_EVENT',
  started: 'CONTAINER_STARTED_EVENT',
  stopped: 'CONTAINER_STOPPED_EVENT',
  deleted: 'CONTAINER_DELETED_EVENT',
};

/**
 * Every event of pods and containers from now on; a pod's own have its ID for a container ID, as under the peers. Each carries
 * its pod's status and that of the pod's containers, as they were when it happened: of a pod that is gone, too.
 */
export const getContainerEvents: StreamRpc<GetEventsRequest, ContainerEventResponseInit> = async function* (
  services,
  _request,
  { signal },
) {
  for await (const event of services.life.events.subscribe(signal)) {
    if (ownerNamed(event.sandbox.owner).shownByCri) yield toResponse(services, event);
  }
};

function toResponse({ images }: Services, event: ContainerEvent): ContainerEventResponseInit {
  return {
    containerId: event.containerId,
    containerEventType: types[event.type],
    createdAt: event.at,
    podSandboxStatus: toPodSandboxStatus(event.sandbox),
    containersStatuses: event.containers.map((container) => toContainerStatus(container, images)),
  };
}
