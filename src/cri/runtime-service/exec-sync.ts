import type { ExecSyncRequest, ExecSyncResponse } from '../../cri-types/index.ts';
import { execSync as exec } from '../../pod/index.ts';
import type { Rpc } from '../context.ts';

/**
 * Runs a command in a running container and returns what it wrote, at most just under 16 MiB in all. `timeout` is in seconds, 0
 * for none; when it passes, every process of the command is killed and the error is DeadlineExceeded, which the kubelet takes
 * for a probe that timed out.
 */
export const execSync: Rpc<ExecSyncRequest, ExecSyncResponse> = async (
  { pods, life },
  request,
  { signal },
) => {
  const container = pods.requireContainerObject(request.containerId);
  return exec(life, container, { cmd: request.cmd, timeout: request.timeout, signal });
};
