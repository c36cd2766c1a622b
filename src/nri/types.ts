import type { OciResources, OciSpec } from '../base/index.ts';
import type { LinuxContainerResources } from '../cri-types/index.ts';
import type { ContainerState, LinuxResources, SecurityProfileInit } from './generated/messages.ts';

/** A pod as plug-ins are shown it. */
export interface PodFacts {
  readonly id: string;
  readonly name: string;
  readonly uid: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly runtimeHandler: string;
  readonly overhead: LinuxContainerResources | undefined;
  readonly resources: LinuxContainerResources | undefined;
  readonly cgroupParent: string;
  readonly cgroupsPath: string;
  readonly namespaces: readonly { readonly type: string; readonly path: string }[];
  readonly pid: number;
  readonly ips: readonly string[];
}

/** A container as plug-ins are shown it. Times are nanoseconds since the epoch, 0n for not yet. */
export interface ContainerFacts {
  readonly id: string;
  readonly podId: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: OciSpec;
  readonly state: ContainerState;
  readonly pid: number;
  readonly createdAt: bigint;
  readonly startedAt: bigint;
  readonly finishedAt: bigint;
  readonly exitCode: number;
  readonly reason: string;
  readonly message: string;
  readonly cdiDevices: readonly string[];
  readonly seccomp: SecurityProfileInit | undefined;
}

/** What NRI needs of the runtime. */
export interface NriRuntime {
  /** The kernel counts swap: a memory limit then limits swap with it. */
  readonly swapAccounting: boolean;
  /** What gives these CDI devices to a document. Errors of either: invalid-argument for unknown ones, unimplemented. */
  prepareDevices(devices: readonly string[]): Promise<(spec: OciSpec) => OciSpec>;
  /** Of ready pods, when NRI starts. */
  podIds(): readonly string[];
  /** Of containers that have not ended, when NRI starts. */
  containerIds(): readonly string[];
  /** Of what is being made too; undefined for what is gone. */
  pod(id: string): PodFacts | undefined;
  container(id: string): ContainerFacts | undefined;
  /** Sets new limits on a container that was created. Errors: not-found, failed-precondition, stage1's. */
  update(containerId: string, resources: OciResources): Promise<void>;
  /** Ends a container. Idempotent. */
  evict(containerId: string): Promise<void>;
}

/**
 * The events of pods and containers, told to plug-ins in the order of their indices. The ones that may be refused reject with
 * the plug-in's reason; the others never reject. A plug-in that does not answer in time, or dies, is dropped and holds up
 * nothing any more.
 */
export interface Nri {
  /** Serves the socket and starts the installed plug-ins; returns when these are synchronized, or have failed to be. */
  start(runtime: NriRuntime): Promise<void>;
  /** Lets go of every plug-in and ends those that were started here. */
  close(): Promise<void>;

  /** May be refused. */
  runPodSandbox(podId: string): Promise<void>;
  /** May be refused. */
  updatePodSandbox(
    podId: string,
    overhead: LinuxContainerResources | undefined,
    resources: LinuxContainerResources | undefined,
  ): Promise<void>;
  postUpdatePodSandbox(podId: string): Promise<void>;
  stopPodSandbox(podId: string): Promise<void>;
  removePodSandbox(podId: string): Promise<void>;

  /** What plug-ins made of the container's document. May be refused. */
  createContainer(containerId: string, spec: OciSpec): Promise<OciSpec>;
  postCreateContainer(containerId: string): Promise<void>;
  /**
   * StartContainer, then `start`, then PostStartContainer; a stop in between is told afterwards. May be refused, and then nothing
   * was started; rejects with what `start` rejects with.
   */
  startContainer(containerId: string, start: () => Promise<void>): Promise<void>;
  /** What plug-ins made of the limits asked for; undefined where they leave them as they are. May be refused. */
  updateContainer(containerId: string, resources: LinuxContainerResources): Promise<OciResources | undefined>;
  postUpdateContainer(containerId: string): Promise<void>;
  /** Once a container, however it ended. */
  stopContainer(containerId: string): Promise<void>;
  /** After its stop, once. */
  removeContainer(containerId: string): Promise<void>;
}

export interface NriOptions {
  readonly socket: string;
  readonly pluginDir: string;
  readonly pluginConfigDir: string;
  /** Milliseconds. */
  readonly registrationTimeout: number;
  readonly requestTimeout: number;
  /** Names, with or without index, without which no container is created. */
  readonly requiredPlugins: readonly string[];
  /** The annotation that lets a pod or container do without them; '' for none. */
  readonly tolerateAnnotation: string;
}

export type { LinuxResources };
