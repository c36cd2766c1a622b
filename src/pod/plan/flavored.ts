/** What CRI asks for, as the pod's flavor grants it: the same configuration with other namespaces. Pure. */
import { type ContainerConfig, complete, type PodSandboxConfig } from '../../cri-types/index.ts';
import type { FlavorPlan } from '../../stage1/index.ts';

/** Errors: those of the flavor. */
export function flavoredPod(config: PodSandboxConfig, flavor: FlavorPlan): PodSandboxConfig {
  const asked = config.linux?.securityContext?.namespaceOptions;
  const namespaceOptions = flavor.namespaces(asked);
  if (namespaceOptions === asked) return config;
  const linux = config.linux ?? complete('LinuxPodSandboxConfig', {});
  const securityContext = linux.securityContext ?? complete('LinuxSandboxSecurityContext', {});
  return { ...config, linux: { ...linux, securityContext: { ...securityContext, namespaceOptions } } };
}

/** Errors: those of the flavor. */
export function flavoredContainer(config: ContainerConfig, flavor: FlavorPlan): ContainerConfig {
  const asked = config.linux?.securityContext?.namespaceOptions;
  const namespaceOptions = flavor.namespaces(asked);
  if (namespaceOptions === asked) return config;
  const linux = config.linux ?? complete('LinuxContainerConfig', {});
  const securityContext = linux.securityContext ?? complete('LinuxContainerSecurityContext', {});
  return { ...config, linux: { ...linux, securityContext: { ...securityContext, namespaceOptions } } };
}
