/** Records for this folder's tables, and a view of them like the pod service's. */
import { type ContainerConfigInit, complete, type PodSandboxConfigInit } from '../cri-types/index.ts';
import type {
  ContainerRecord,
  ContainerState,
  PodReader,
  SandboxRecord,
  SandboxState,
} from '../pod/index.ts';

export function sandboxRecord(
  id: string,
  change: Partial<Omit<SandboxRecord, 'config'>> = {},
  config: PodSandboxConfigInit = {},
): SandboxRecord {
  const state: SandboxState = { kind: 'ready' };
  return {
    version: 1,
    id: id.padEnd(64, '0'),
    owner: 'cri',
    name: id,
    config: complete('PodSandboxConfig', { metadata: { name: id, namespace: 'ns', uid: 'u' }, ...config }),
    runtimeHandler: '',
    flavor: 'namespaces',
    createdAt: 1000n,
    bootId: 'boot',
    state,
    netnsPath: '',
    usernsPath: '',
    network: undefined,
    cgroupPath: '',
    cgroupParent: '',
    pid: 0,
    ...change,
  };
}

export function containerRecord(
  id: string,
  sandboxId: string,
  change: Partial<Omit<ContainerRecord, 'config'>> = {},
  config: ContainerConfigInit = {},
): ContainerRecord {
  const state: ContainerState = { kind: 'running', startedAt: 2000n, pid: 42 };
  return {
    version: 1,
    id: id.padEnd(64, '0'),
    sandboxId: sandboxId.padEnd(64, '0'),
    name: id,
    config: complete('ContainerConfig', { metadata: { name: id }, image: { image: 'asked' }, ...config }),
    imageId: 'sha256:1',
    imageRef: 'repo@sha256:2',
    createdAt: 1500n,
    state,
    cgroupPath: '',
    logPath: '/logs/a.log',
    stopSignal: 15,
    writablePath: '',
    user: { uid: 1, gid: 2, additionalGids: [2, 3] },
    ...change,
  };
}

export function readerOf(
  sandboxes: readonly SandboxRecord[],
  containers: readonly ContainerRecord[],
): PodReader {
  const sandbox = (id: string): SandboxRecord | undefined => sandboxes.find((s) => s.id === id);
  const container = (id: string): ContainerRecord | undefined => containers.find((c) => c.id === id);
  const required = <R>(found: R | undefined, id: string): R => {
    if (found === undefined) throw new Error(`no ${id}`);
    return found;
  };
  return {
    sandboxes: () => sandboxes,
    containers: () => containers,
    sandbox,
    container,
    containersOf: (id) => containers.filter((c) => c.sandboxId === id),
    requireSandbox: (id) =>
      required(
        sandboxes.find((s) => s.id.startsWith(id)),
        id,
      ),
    requireContainer: (id) =>
      required(
        containers.find((c) => c.id.startsWith(id)),
        id,
      ),
  };
}
