import { GantryError } from '../../base/index.ts';
import type { ReopenContainerLogRequest, ReopenContainerLogResponse } from '../../cri-types/index.ts';
import type { Rpc } from '../context.ts';

/** After the kubelet has moved the log away: a new file at the same path. No line is lost or torn. Only while it runs (CRI). */
export const reopenContainerLog: Rpc<ReopenContainerLogRequest, ReopenContainerLogResponse> = async (
  { pods },
  request,
) => {
  const container = pods.requireContainerObject(request.containerId);
  if (container.state.kind !== 'running') {
    throw new GantryError({
      code: 'failed-precondition',
      operation: 'reopen log',
      subject: container.id,
      message: `container ${container.id} is ${container.state.kind}, not running: nothing writes its log`,
    });
  }
  await container.sandbox.requireClient('reopen log').reopenLog(container.id);
  return {};
};
