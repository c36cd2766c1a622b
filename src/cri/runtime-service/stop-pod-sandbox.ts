import type { StopPodSandboxRequest, StopPodSandboxResponse } from '../../cri-types/index.ts';
import { stopPod, waitFor } from '../../pod/index.ts';
import type { Rpc } from '../context.ts';

/**
 * Ends every process of the pod, then takes its network down. Idempotent: a pod that was stopped, or never was, is no error
 * (CRI, StopPodSandbox). A failed step is, and the call may be repeated.
 */
export const stopPodSandbox: Rpc<StopPodSandboxRequest, StopPodSandboxResponse> = async (
  { pods, life },
  request,
  { signal },
) => {
  const sandbox = pods.findSandbox(request.podSandboxId);
  if (sandbox !== undefined) {
    const stopped = sandbox.mutex.run(() => stopPod(life, sandbox));
    await waitFor(stopped, signal, `pod sandbox ${sandbox.id} is still being stopped; ask again`);
  }
  return {};
};
