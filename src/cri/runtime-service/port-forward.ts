import { GantryError } from '../../base/index.ts';
import type { PortForwardRequest, PortForwardResponse } from '../../cri-types/index.ts';
import { forwardPort } from '../../pod/index.ts';
import type { Rpc } from '../context.ts';

/** The URL under which one client may reach ports of the pod, once, within a minute, over as many connections as it likes. */
export const portForward: Rpc<PortForwardRequest, PortForwardResponse> = async (
  { pods, streaming },
  request,
) => {
  const { id, record } = pods.requireSandboxObject(request.podSandboxId);
  if (record.state.kind !== 'ready') {
    throw new GantryError({
      code: 'failed-precondition',
      operation: 'port-forward',
      subject: id,
      message: `pod sandbox ${id} is not ready`,
    });
  }
  const url = streaming.url({
    kind: 'port-forward',
    ports: request.port,
    forward: (port, client, signal) => forwardPort(record.netnsPath, port, client, signal),
  });
  return { url };
};
