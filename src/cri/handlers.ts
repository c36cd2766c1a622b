import { GantryError } from '../base/index.ts';
import type {
  imageService,
  MessageInits,
  MessageName,
  Messages,
  runtimeService,
} from '../cri-types/index.ts';
import type { Rpc, Services, StreamRpc } from './context.ts';
import { imageFsInfo } from './image-service/image-fs-info.ts';
import { imageStatus } from './image-service/image-status.ts';
import { listImages } from './image-service/list-images.ts';
import { pullImage } from './image-service/pull-image.ts';
import { removeImage } from './image-service/remove-image.ts';
import { streamImages } from './image-service/stream-images.ts';
import { attach } from './runtime-service/attach.ts';
import { containerStats } from './runtime-service/container-stats.ts';
import { containerStatus } from './runtime-service/container-status.ts';
import { createContainer } from './runtime-service/create-container.ts';
import { exec } from './runtime-service/exec.ts';
import { execSync } from './runtime-service/exec-sync.ts';
import { getContainerEvents } from './runtime-service/get-container-events.ts';
import { listContainerStats } from './runtime-service/list-container-stats.ts';
import { listContainers } from './runtime-service/list-containers.ts';
import { listMetricDescriptors } from './runtime-service/list-metric-descriptors.ts';
import { listPodSandbox } from './runtime-service/list-pod-sandbox.ts';
import { listPodSandboxMetrics } from './runtime-service/list-pod-sandbox-metrics.ts';
import { listPodSandboxStats } from './runtime-service/list-pod-sandbox-stats.ts';
import { podSandboxStats } from './runtime-service/pod-sandbox-stats.ts';
import { podSandboxStatus } from './runtime-service/pod-sandbox-status.ts';
import { portForward } from './runtime-service/port-forward.ts';
import { removeContainer } from './runtime-service/remove-container.ts';
import { removePodSandbox } from './runtime-service/remove-pod-sandbox.ts';
import { reopenContainerLog } from './runtime-service/reopen-container-log.ts';
import { runPodSandbox } from './runtime-service/run-pod-sandbox.ts';
import { runtimeConfig } from './runtime-service/runtime-config.ts';
import { startContainer } from './runtime-service/start-container.ts';
import { status } from './runtime-service/status.ts';
import { stopContainer } from './runtime-service/stop-container.ts';
import { stopPodSandbox } from './runtime-service/stop-pod-sandbox.ts';
import { streamContainerStats } from './runtime-service/stream-container-stats.ts';
import { streamContainers } from './runtime-service/stream-containers.ts';
import { streamPodSandboxMetrics } from './runtime-service/stream-pod-sandbox-metrics.ts';
import { streamPodSandboxStats } from './runtime-service/stream-pod-sandbox-stats.ts';
import { streamPodSandboxes } from './runtime-service/stream-pod-sandboxes.ts';
import { updateContainerResources } from './runtime-service/update-container-resources.ts';
import { updatePodSandboxResources } from './runtime-service/update-pod-sandbox-resources.ts';
import { updateRuntimeConfig } from './runtime-service/update-runtime-config.ts';
import { version } from './runtime-service/version.ts';
import type { Handlers } from './server.ts';

interface Method {
  readonly request: MessageName;
  readonly response: MessageName;
  readonly stream: boolean;
}

/** The function that a method needs. */
type Handler<M extends Method> = M['stream'] extends true
  ? StreamRpc<Messages[M['request']], MessageInits[M['response']]>
  : Rpc<Messages[M['request']], MessageInits[M['response']]>;

type Table<S extends Readonly<Record<string, Method>>> = { readonly [name in keyof S]: Handler<S[name]> };

/** Every RPC of the runtime service and where it is. */
const runtime: Table<typeof runtimeService> = {
  Version: version,
  Status: status,
  RuntimeConfig: runtimeConfig,
  UpdateRuntimeConfig: updateRuntimeConfig,

  RunPodSandbox: runPodSandbox,
  StopPodSandbox: stopPodSandbox,
  RemovePodSandbox: removePodSandbox,
  PodSandboxStatus: podSandboxStatus,
  ListPodSandbox: listPodSandbox,
  StreamPodSandboxes: streamPodSandboxes,
  UpdatePodSandboxResources: updatePodSandboxResources,

  CreateContainer: createContainer,
  StartContainer: startContainer,
  StopContainer: stopContainer,
  RemoveContainer: removeContainer,
  ContainerStatus: containerStatus,
  ListContainers: listContainers,
  StreamContainers: streamContainers,
  UpdateContainerResources: updateContainerResources,
  ReopenContainerLog: reopenContainerLog,
  ExecSync: execSync,
  Exec: exec,
  Attach: attach,
  PortForward: portForward,
  GetContainerEvents: getContainerEvents,

  ContainerStats: containerStats,
  ListContainerStats: listContainerStats,
  StreamContainerStats: streamContainerStats,
  PodSandboxStats: podSandboxStats,
  ListPodSandboxStats: listPodSandboxStats,
  StreamPodSandboxStats: streamPodSandboxStats,
  ListMetricDescriptors: listMetricDescriptors,
  ListPodSandboxMetrics: listPodSandboxMetrics,
  StreamPodSandboxMetrics: streamPodSandboxMetrics,

  CheckpointContainer: notYet('CheckpointContainer'),
  CheckpointPod: notYet('CheckpointPod'),
  RestorePod: notYet('RestorePod'),
};

/** Every RPC of the image service and where it is. */
const image: Table<typeof imageService> = {
  ListImages: listImages,
  StreamImages: streamImages,
  ImageStatus: imageStatus,
  PullImage: pullImage,
  RemoveImage: removeImage,
  ImageFsInfo: imageFsInfo,
};

/** The tables with the server's parts given to each function. */
export function handlersFor(services: Services): { runtime: Handlers; image: Handlers } {
  const bind = (table: object): Handlers =>
    Object.fromEntries(
      Object.entries(table as Record<string, Rpc<never, object>>).map(([name, run]) => [
        name,
        (request, call) => run(services, request, call),
      ]),
    );
  return { runtime: bind(runtime), image: bind(image) };
}

function notYet(rpc: string): () => Promise<never> {
  return () => Promise.reject(unimplemented(rpc));
}

function unimplemented(rpc: string): GantryError {
  return new GantryError({
    code: 'unimplemented',
    operation: rpc,
    message: `${rpc} is not implemented in this release of Gantry`,
  });
}
