import type { OciProcess, OciSpec } from '../base/index.ts';
import type { LinuxContainerResources } from '../cri-types/index.ts';
import { toOciResources } from '../resources/index.ts';
import { specAnnotations } from './annotations.ts';
import { containerAppArmor } from './apparmor.ts';
import { containerCapabilities } from './capabilities.ts';
import { containerMounts } from './container-mounts.ts';
import { declaredVolumes } from './declared-volumes.ts';
import { defaultMounts } from './default-mounts.ts';
import { containerDevices } from './devices.ts';
import { invalid } from './errors.ts';
import { checkContainerNamespaces, idMappings, specNamespaces } from './namespaces.ts';
import { processArgs, processEnv, processEnvBytes, workingDirectory } from './process.ts';
import { containerSeccomp } from './seccomp.ts';
import { containerLabels } from './selinux.ts';
import type { ContainerSpecInput, HostFacts, HostLookups } from './types.ts';

/**
 * A container's OCI document. Policy ends here: what the document says is what stage1 does. Throws invalid-argument,
 * naming the member and the remedy, for whatever this host or CRI's rules do not allow.
 */
export function containerSpec(input: ContainerSpecInput, host: HostFacts, lookups: HostLookups): OciSpec {
  const security = input.container.linux?.securityContext;
  const privileged = security?.privileged === true;
  checkContainer(input);
  const labels = containerLabels(input, host);
  const { mounts: asked } = input.container;
  const { mounts, rootPropagation } = containerMounts(
    [...defaultMounts(input, host), ...declaredVolumes(input.image, asked, input.volumesDirectory)],
    asked,
    host,
    lookups,
  );
  const { devices, rules } = containerDevices(input.container.devices, privileged, lookups);
  const process = containerProcess(input, host, lookups);
  const seccomp = containerSeccomp(security, process.capabilities?.bounding ?? [], host, lookups);
  return {
    ociVersion: '1.3.0',
    hostname: input.hostname,
    process: { ...process, ...(labels?.process ? { selinuxLabel: labels.process } : {}) },
    root: { path: 'rootfs', readonly: security?.readonlyRootfs === true },
    mounts,
    annotations: specAnnotations(input),
    linux: {
      namespaces: specNamespaces(input, host),
      ...idMappings(input),
      cgroupsPath: input.cgroupsPath,
      devices,
      resources: { ...toOciResources(containerResources(input, host), host.swapAccounting), devices: rules },
      maskedPaths: privileged ? [] : [...(security?.maskedPaths ?? [])],
      readonlyPaths: privileged ? [] : [...(security?.readonlyPaths ?? [])],
      ...(seccomp ? { seccomp } : {}),
      ...(rootPropagation ? { rootfsPropagation: rootPropagation } : {}),
      ...(labels ? { mountLabel: labels.mount } : {}),
    },
  };
}

function containerProcess(input: ContainerSpecInput, host: HostFacts, lookups: HostLookups): OciProcess {
  const security = input.container.linux?.securityContext;
  const resources = input.container.linux?.resources;
  const appArmor = containerAppArmor(security, host, lookups);
  const { uid, gid, additionalGids } = input.account;
  const envBytes = processEnvBytes(input.container);
  return {
    terminal: input.container.tty,
    user: { uid, gid, additionalGids: [...additionalGids] },
    args: processArgs(input.container, input.image),
    env: processEnv(input),
    ...(envBytes.length > 0 ? { envBytes } : {}),
    cwd: workingDirectory(input.container, input.image),
    capabilities: containerCapabilities(security, host.capabilities),
    noNewPrivileges: security?.noNewPrivs === true,
    ...(appArmor === undefined ? {} : { apparmorProfile: appArmor }),
    // Never left out: stage1, which would be asked for its own then, is protected as the server is.
    oomScoreAdj: resources === undefined ? 0 : oomScoreAdj(resources),
  };
}

function checkContainer(input: ContainerSpecInput): void {
  const security = input.container.linux?.securityContext;
  if (security?.privileged && input.sandbox.linux?.securityContext?.privileged !== true) {
    throw invalid(
      'privileged',
      'a privileged container needs a pod whose security context is privileged too',
    );
  }
  checkContainerNamespaces(input);
}

/** -1000 to 1000 (proc(5)); stage1 clamps it where the host does not let it be lowered. */
function oomScoreAdj(resources: LinuxContainerResources): number {
  const asked = Number(resources.oomScoreAdj);
  if (asked < -1000 || asked > 1000) {
    throw invalid('oom_score_adj', `oom_score_adj ${asked} is not between -1000 and 1000`);
  }
  return asked;
}

/** Limits on huge pages are refused where nothing would enforce them. */
function containerResources(input: ContainerSpecInput, host: HostFacts): LinuxContainerResources | undefined {
  const resources = input.container.linux?.resources;
  if (resources === undefined || host.hugetlb) return resources;
  // The kubelet sends a limit of 0 for every page size of the node; only a real one needs the controller.
  const wanted = resources.hugepageLimits.find((limit) => limit.limit > 0n);
  if (wanted !== undefined) {
    throw invalid(
      'hugepage_limits',
      `a limit on ${wanted.pageSize} pages needs the hugetlb cgroup controller`,
    );
  }
  return { ...resources, hugepageLimits: [] };
}

/** The process of an exec: the container's own, with other arguments and perhaps a terminal. */
export function execProcess(spec: OciSpec, args: readonly string[], terminal: boolean): OciProcess {
  if (args.length === 0) throw invalid('cmd', 'no command to run');
  const { env } = spec.process;
  const withTerminal =
    terminal && !env.some((pair) => pair.startsWith('TERM=')) ? [...env, 'TERM=xterm'] : env;
  return { ...spec.process, args: [...args], terminal, env: withTerminal };
}
