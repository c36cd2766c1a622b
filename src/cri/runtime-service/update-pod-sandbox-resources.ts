import type {
  UpdatePodSandboxResourcesRequest,
  UpdatePodSandboxResourcesResponse,
} from '../../cri-types/index.ts';
import type { Rpc } from '../context.ts';

/**
 * Takes note of what the pod as a whole has now. Its cgroup is the kubelet's, who has changed it already; here it is kept for
 * whoever asks (NRI, status).
 */
export const updatePodSandboxResources: Rpc<
  UpdatePodSandboxResourcesRequest,
  UpdatePodSandboxResourcesResponse
> = async ({ pods, life }, request) => {
  const sandbox = pods.requireSandboxObject(request.podSandboxId);
  await sandbox.mutex.run(async () => {
    const { config } = sandbox.record;
    const linux = config.linux ?? { cgroupParent: '', sysctls: {} };
    const { overhead = linux.overhead, resources = linux.resources } = request;
    await life.nri.updatePodSandbox(sandbox.id, request.overhead, request.resources);
    sandbox.note({ config: { ...config, linux: { ...linux, overhead, resources } } });
    await life.nri.postUpdatePodSandbox(sandbox.id);
  });
  return {};
};
