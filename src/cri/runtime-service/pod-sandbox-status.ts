import {
  type PodSandboxStatusRequest,
  type PodSandboxStatusResponseInit,
  wireJson,
} from '../../cri-types/index.ts';
import type { PodReader, Registry, SandboxRecord, StepFailure } from '../../pod/index.ts';
import { podSysctls } from '../../security/index.ts';
import type { Rpc } from '../context.ts';
import { toPodSandboxStatus } from '../status-builders.ts';
import { requireVisibleSandbox } from '../visible.ts';

/**
 * Without `containers_statuses` and `timestamp`, as under containerd: a kubelet with the gate EventedPLEG that finds a timestamp
 * takes these statuses instead of asking for each container's, forgets which of them are of the present sandbox, and starts
 * init containers again and again (kubernetes#133371; still so in v1.37).
 */
export const podSandboxStatus: Rpc<PodSandboxStatusRequest, PodSandboxStatusResponseInit> = async (
  { pods },
  { podSandboxId, verbose },
) => {
  const sandbox = requireVisibleSandbox(pods, podSandboxId);
  return {
    status: toPodSandboxStatus(sandbox),
    info: verbose ? { info: JSON.stringify(sandboxInfo(sandbox, pods)) } : {},
  };
};

/** Under the names that readers of containerd's use: CNI and NRI tools take `pid` and the network namespace's path. */
function sandboxInfo(sandbox: SandboxRecord, pods: Registry): object {
  const { network } = sandbox;
  const entry = pods.anySandbox(sandbox.id);
  const hello = entry?.client?.hello;
  const { overhead, resources } = sandbox.config.linux ?? {};
  return {
    pid: anyPid(sandbox, pods),
    processStatus: sandbox.state.kind,
    ...(sandbox.failure === undefined ? {} : { failure: shownFailure(sandbox.failure) }),
    netNamespaceClosed: sandbox.state.kind === 'notready' && sandbox.state.networkDown,
    runtimeHandler: sandbox.runtimeHandler,
    runtimeType: `gantry/${sandbox.flavor}`,
    config: wireJson('PodSandboxConfig', sandbox.config),
    // As last updated.
    ...(overhead === undefined ? {} : { overhead: { linux: wireJson('LinuxContainerResources', overhead) } }),
    ...(resources === undefined
      ? {}
      : { resources: { linux: wireJson('LinuxContainerResources', resources) } }),
    runtimeSpec: {
      hostname: sandbox.config.hostname,
      linux: {
        namespaces: [
          ...(sandbox.netnsPath === '' ? [] : [{ type: 'network', path: sandbox.netnsPath }]),
          ...(sandbox.usernsPath === '' ? [] : [{ type: 'user', path: sandbox.usernsPath }]),
        ],
        cgroupsPath: sandbox.cgroupPath,
        sysctl: podSysctls(sandbox.config),
      },
    },
    // Null while it cannot be asked. It stays of the release that made the pod.
    stage1:
      hello === undefined
        ? null
        : { release: hello.version, contractVersion: hello.contractVersion, pid: hello.pid },
    // They run on, and are in no list.
    unknownContainers: Object.fromEntries(entry?.unknownContainers ?? []),
    network:
      network === undefined ? null : { kind: network.kind, ips: network.ips, details: network.details },
  };
}

/** The step of its end that failed last: it is tried again. */
function shownFailure({ step, message, at }: StepFailure): object {
  return { step, message, at: new Date(Number(at / 1_000_000n)).toISOString() };
}

/** PID 1 of a shared pid namespace; without one any process of the pod shows its namespaces as well. 0: there is none. */
function anyPid(sandbox: SandboxRecord, pods: PodReader): number {
  if (sandbox.pid !== 0) return sandbox.pid;
  for (const { state } of pods.containersOf(sandbox.id)) if (state.kind === 'running') return state.pid;
  return 0;
}
