import type {
  ContainerInit,
  ContainerStatusInit,
  PodSandboxInit,
  PodSandboxStatusInit,
} from '../cri-types/index.ts';
import type { ImageService } from '../image/index.ts';
import { type ContainerRecord, imageVolumeMounts, type SandboxRecord } from '../pod/index.ts';
import { criSignal } from '../security/index.ts';
import { containerState, sandboxState } from './states.ts';

/** A pod as lists show it. */
export function toPodSandbox(sandbox: SandboxRecord): PodSandboxInit {
  return {
    id: sandbox.id,
    metadata: sandbox.config.metadata,
    state: sandboxState(sandbox),
    createdAt: sandbox.createdAt,
    labels: sandbox.config.labels,
    annotations: sandbox.config.annotations,
    runtimeHandler: sandbox.runtimeHandler,
  };
}

/** A pod's status. Addresses are shown for as long as its network is up. */
export function toPodSandboxStatus(sandbox: SandboxRecord): PodSandboxStatusInit {
  const down = sandbox.state.kind === 'notready' && sandbox.state.networkDown;
  const [ip = '', ...more] = down ? [] : (sandbox.network?.ips ?? []);
  return {
    ...toPodSandbox(sandbox),
    network: { ip, additionalIps: more.map((address) => ({ ip: address })) },
    linux: { namespaces: { options: sandbox.config.linux?.securityContext?.namespaceOptions } },
  };
}

/** A container as lists show it. */
export function toContainer(container: ContainerRecord): ContainerInit {
  return {
    id: container.id,
    podSandboxId: container.sandboxId,
    metadata: container.config.metadata,
    image: container.config.image,
    imageRef: container.imageId,
    imageId: container.imageId,
    state: containerState(container),
    createdAt: container.createdAt,
    labels: container.config.labels,
    annotations: container.config.annotations,
  };
}

/**
 * A container's status. `image` and `image_ref` are the names that its image has now (a tag, a digest reference), as
 * Kubernetes' users know them from other runtimes; `image_id` is the same in every API.
 */
export function toContainerStatus(container: ContainerRecord, images: ImageService): ContainerStatusInit {
  const image = images.find(container.imageId);
  const [tag] = image?.repoTags ?? [];
  const { uid, gid, additionalGids } = container.user;
  return {
    id: container.id,
    metadata: container.config.metadata,
    state: containerState(container),
    createdAt: container.createdAt,
    ...lifeOf(container),
    image: tag === undefined ? container.config.image : { image: tag },
    imageRef: image?.repoDigests[0] ?? container.imageRef,
    imageId: container.imageId,
    labels: container.config.labels,
    annotations: container.config.annotations,
    mounts: shownMounts(container),
    logPath: container.logPath,
    resources: { linux: container.config.linux?.resources },
    user: { linux: { uid: BigInt(uid), gid: BigInt(gid), supplementalGroups: additionalGids.map(BigInt) } },
    stopSignal: criSignal(container.stopSignal),
  };
}

/** The mounts that were asked for; an image's by its ID, which tells the kubelet that the image is in use (KEP-4639, KEP-5365). */
function shownMounts({
  config,
  volumeImageIds = [],
}: ContainerRecord): NonNullable<ContainerStatusInit['mounts']> {
  const images = imageVolumeMounts(config.mounts);
  return config.mounts.map((mount) => {
    const id = volumeImageIds[images.indexOf(mount)];
    return id === undefined ? mount : { ...mount, image: { ...mount.image, image: id, imageRef: id } };
  });
}

type Life = Pick<ContainerStatusInit, 'startedAt' | 'finishedAt' | 'exitCode' | 'reason' | 'message'>;

function lifeOf({ state }: ContainerRecord): Life {
  switch (state.kind) {
    case 'running':
      return { startedAt: state.startedAt };
    case 'exited': {
      const { startedAt, finishedAt, exitCode, reason, message } = state;
      return { startedAt, finishedAt, exitCode, reason, message };
    }
    default:
      return {};
  }
}
