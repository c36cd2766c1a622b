/** CRI's container configuration → what is to be made. Pure. */
import { isAbsolute, join, normalize } from 'node:path';
import { GantryError, type OciSpec } from '../../base/index.ts';
import type { ContainerConfig, PodSandboxConfig } from '../../cri-types/index.ts';
import type { ImageRecord } from '../../image/index.ts';
import { type CgroupPath, cgroupPath } from '../../resources/index.ts';
import { appPidMode, declaredVolumes, stopSignal } from '../../security/index.ts';
import type {
  AppManifest,
  AppVolume,
  CgroupDriver,
  LayerMount,
  LogSink,
  PodNamespaces,
} from '../../stage1/index.ts';
import { type ContainerRecord, RECORD_VERSION, type SandboxRecord } from '../model/record.ts';
import { checkImageVolumes, manifestVolumes } from './image-volumes.ts';

export interface ContainerPlan {
  /** `container_pod_namespace_uid_attempt`. */
  readonly name: string;
  /** What a second call of the same name must ask for as well. */
  readonly identity: unknown;
  readonly config: ContainerConfig;
  readonly appName: string;
  /** As asked for: an ID or a reference. */
  readonly image: string;
  /** '' for none. */
  readonly logPath: string;
}

/** Errors: invalid-argument, naming the member. */
export function planContainer(config: ContainerConfig | undefined, sandbox: SandboxRecord): ContainerPlan {
  const metadata = config?.metadata;
  if (config === undefined || metadata === undefined || metadata.name === '') {
    throw invalid('config.metadata', 'the container’s metadata has no name');
  }
  const image = config.image?.image ?? '';
  if (image === '') throw invalid('config.image', `container "${metadata.name}" names no image`);
  checkImageVolumes(config.mounts);
  const pod = sandbox.config.metadata;
  return {
    name: [metadata.name, pod?.name, pod?.namespace, pod?.uid, metadata.attempt].join('_'),
    identity: containerIdentity(config),
    config,
    appName: metadata.name,
    image,
    logPath: containerLogPath(sandbox.config, config),
  };
}

/** The kubelet writes variables in any order, and anew for each retry; annotations may change too. The rest stays. */
export function containerIdentity(config: ContainerConfig): unknown {
  return { ...config, envs: [], annotations: {} };
}

/** CRI: `log_path` is relative to the sandbox's `log_directory`; without either there is no log. */
export function containerLogPath(sandbox: PodSandboxConfig, container: ContainerConfig): string {
  const { logDirectory } = sandbox;
  const { logPath } = container;
  if (logDirectory === '' || logPath === '') return '';
  if (!isAbsolute(logDirectory))
    throw invalid('log_directory', `log directory "${logDirectory}" is not an absolute path`);
  const path = join(logDirectory, logPath);
  if (
    isAbsolute(logPath) ||
    !path.startsWith(`${normalize(logDirectory).replace(/\/+$/, '')}/`) ||
    path.endsWith('/')
  ) {
    throw invalid(
      'log_path',
      `log path "${logPath}" does not name a file inside the pod’s log directory ${logDirectory}`,
    );
  }
  return path;
}

/** What planning a container takes from the pod, the image and the moment. */
export interface AppFacts {
  readonly id: string;
  readonly createdAt: bigint;
  readonly cgroupDriver: CgroupDriver;
  /** Where its writable layer is going to be. */
  readonly writablePath: string;
  /** Where the volumes are going to be that the image declares; '' where the pod's stage1 knows none. */
  readonly volumesPath: string;
  readonly image: ImageRecord;
  readonly volumeImages: readonly ImageRecord[];
}

/** All that is going to be made on the host, claimed before any of it exists. Pure. */
export function containerRecord(
  plan: ContainerPlan,
  sandbox: SandboxRecord,
  facts: AppFacts,
): ContainerRecord {
  const { image, volumeImages, volumesPath } = facts;
  const volumes = declaredVolumes(image.config, plan.config.mounts, volumesPath);
  return {
    version: RECORD_VERSION,
    id: facts.id,
    sandboxId: sandbox.id,
    name: plan.name,
    config: plan.config,
    imageId: image.id,
    imageRef: plan.image,
    ...(volumeImages.length === 0 ? {} : { volumeImageIds: volumeImages.map((volume) => volume.id) }),
    createdAt: facts.createdAt,
    state: { kind: 'creating' },
    cgroupPath: containerCgroup(facts.cgroupDriver, sandbox, facts.id).path,
    logPath: plan.logPath,
    stopSignal: stopSignal(plan.config.stopSignal, image.config.stopSignal),
    writablePath: facts.writablePath,
    ...(volumes.length === 0 ? {} : { volumesPath }),
    user: { uid: 0, gid: 0, additionalGids: [] },
  };
}

export function containerCgroup(driver: CgroupDriver, sandbox: SandboxRecord, id: string): CgroupPath {
  return cgroupPath(driver, sandbox.cgroupParent, id);
}

export interface AppManifestInput {
  /** What the pod's stage1 takes, see `manifestVersion`. */
  readonly contractVersion: number;
  readonly plan: ContainerPlan;
  readonly containerId: string;
  readonly layers: readonly LayerMount[];
  /** Layers of the images that mounts show, in the order of those mounts. */
  readonly volumes: readonly (readonly LayerMount[])[];
  readonly writable: string;
  /** The container's volumes that its image declares. */
  readonly declared: readonly AppVolume[];
  /** The host's, see `mount-points.ts`. */
  readonly mountPoints: string;
  readonly stopSignal: number;
  readonly log: LogSink;
  /** Of the pod's plan: what its flavor made of the pid namespace. */
  readonly podPid: PodNamespaces['pid'];
  /** The document: a plug-in may have given the container a pid namespace, or taken it. */
  readonly spec: OciSpec;
}

/** stage1's part beside the OCI document. */
export function appManifest(input: AppManifestInput): AppManifest {
  const { plan, containerId, layers, writable, mountPoints, stopSignal, log } = input;
  const { config, appName } = plan;
  const pid = adjustedPid(input);
  return {
    contractVersion: input.contractVersion,
    id: containerId,
    name: appName,
    rootfs: { kind: 'layers', layers, writable, mountPoints },
    ...(input.volumes.length === 0 ? {} : { imageVolumes: manifestVolumes(config.mounts, input.volumes) }),
    ...(input.declared.length === 0 ? {} : { volumes: input.declared }),
    stdin: config.stdin,
    stdinOnce: config.stdinOnce,
    log,
    stopSignal,
    // A flavor that shares the host's pid namespace shares it with every app; and a pod without a namespace of its own has
    // none for an app to be in.
    ...(input.podPid === 'host' || pid.pid === 'pod' ? { pid: input.podPid } : pid),
    after: [],
    probes: [],
  };
}

/** What CRI says, unless the document says otherwise. */
function adjustedPid({ plan, spec }: AppManifestInput): ReturnType<typeof appPidMode> {
  const asked = appPidMode(plan.config.linux?.securityContext?.namespaceOptions);
  const own = (spec.linux.namespaces ?? []).some(({ type }) => type === 'pid');
  if (own === (asked.pid !== 'host')) return asked;
  return { pid: own ? 'app' : 'host' };
}

function invalid(subject: string, message: string): GantryError {
  return new GantryError({ code: 'invalid-argument', operation: 'plan container', subject, message });
}
