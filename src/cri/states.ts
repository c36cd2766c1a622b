import type { ContainerState, PodSandboxState } from '../cri-types/index.ts';
import type { ContainerRecord, SandboxRecord } from '../pod/index.ts';

/** CRI knows two states of a pod: everything that is not ready is not. */
export function sandboxState(sandbox: SandboxRecord): PodSandboxState {
  return sandbox.state.kind === 'ready' ? 'SANDBOX_READY' : 'SANDBOX_NOTREADY';
}

/** One that is being made or removed is not shown (visible.ts); the type wants an answer all the same. */
export function containerState(container: ContainerRecord): ContainerState {
  switch (container.state.kind) {
    case 'creating':
    case 'created':
      return 'CONTAINER_CREATED';
    case 'running':
      return 'CONTAINER_RUNNING';
    case 'exited':
    case 'removing':
      return 'CONTAINER_EXITED';
  }
}
