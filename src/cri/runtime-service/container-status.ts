import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errno, paths } from '../../base/index.ts';
import {
  type ContainerStatusRequest,
  type ContainerStatusResponseInit,
  wireJson,
} from '../../cri-types/index.ts';
import type { ContainerRecord } from '../../pod/index.ts';
import type { Rpc, Services } from '../context.ts';
import { toContainerStatus } from '../status-builders.ts';
import { requireVisibleContainer } from '../visible.ts';

export const containerStatus: Rpc<ContainerStatusRequest, ContainerStatusResponseInit> = async (
  services,
  { containerId, verbose },
) => {
  const container = requireVisibleContainer(services.pods, containerId);
  return {
    status: toContainerStatus(container, services.images),
    info: verbose ? { info: JSON.stringify(containerInfo(services, container)) } : {},
  };
};

/** Under the names that readers of containerd's use. */
function containerInfo({ roots }: Services, container: ContainerRecord): object {
  return {
    sandboxID: container.sandboxId,
    pid: container.state.kind === 'running' ? container.state.pid : 0,
    removing: container.state.kind === 'removing',
    snapshotKey: container.id,
    snapshotter: container.writablePath === '' ? '' : 'overlayfs',
    writableLayer: container.writablePath,
    cgroupPath: container.cgroupPath,
    config: wireJson('ContainerConfig', container.config),
    runtimeSpec: runtimeSpec(join(paths.app(roots, container.sandboxId, container.id), 'config.json')),
  };
}

/** What stage1 was given; null once it is gone. */
function runtimeSpec(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (errno(error) === 'ENOENT') return null;
    throw error;
  }
}
