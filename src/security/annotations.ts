import type { ContainerSpecInput } from './types.ts';

/**
 * What hooks, NRI and device plug-ins read in the OCI document: containerd's names, which are what they know. The pod's
 * and container's own annotations are not passed on: anybody who may make a pod could steer hooks by them.
 */
export function specAnnotations(input: ContainerSpecInput): Record<string, string> {
  const pod = input.sandbox.metadata;
  return {
    'io.kubernetes.cri.container-type': 'container',
    'io.kubernetes.cri.container-name': input.container.metadata?.name ?? '',
    'io.kubernetes.cri.image-name': input.imageName,
    'io.kubernetes.cri.sandbox-id': input.sandboxId,
    'io.kubernetes.cri.sandbox-name': pod?.name ?? '',
    'io.kubernetes.cri.sandbox-namespace': pod?.namespace ?? '',
    'io.kubernetes.cri.sandbox-uid': pod?.uid ?? '',
  };
}
