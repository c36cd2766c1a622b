import type { RemovePodSandboxRequest, RemovePodSandboxResponse } from '../../cri-types/index.ts';
import { removePod, waitFor } from '../../pod/index.ts';
import type { Rpc } from '../context.ts';

/**
 * Removes the pod with its containers, stopped by force where they run. Idempotent: a pod that is gone is no error (CRI,
 * RemovePodSandbox).
 */
export const removePodSandbox: Rpc<RemovePodSandboxRequest, RemovePodSandboxResponse> = async (
  { pods, life },
  request,
  { signal },
) => {
  const sandbox = pods.findSandbox(request.podSandboxId);
  if (sandbox !== undefined) {
    const removed = sandbox.mutex.run(() => removePod(life, sandbox));
    await waitFor(removed, signal, `pod sandbox ${sandbox.id} is still being removed; ask again`);
  }
  return {};
};
