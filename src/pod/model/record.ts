/**
 * The domain: what Gantry knows of pods and containers. Records are plain data, written whole at each transition;
 * bigint members are nanoseconds since the epoch (decimal strings in JSON). The CRI messages that made them are kept as
 * they came, because status must give them back.
 */
import type { ContainerConfig, PodSandboxConfig } from '../../cri-types/index.ts';
import type { NetworkRecord } from '../../network/index.ts';
import type { PodOwner } from '../../stage1/index.ts';

/** Of the form of both records. */
export const RECORD_VERSION = 1;

/** docs/architecture.md has the diagram; `state.ts` the table of transitions. */
export type SandboxState =
  /** The directory exists and is locked; the pod is being made. Not shown to anybody, undone at start-up. */
  | { readonly kind: 'creating' }
  | { readonly kind: 'ready' }
  /** Stopped, or died: no process left; network torn down once `networkDown` is true. */
  | { readonly kind: 'notready'; readonly networkDown: boolean; readonly reason: string }
  /** Removal began; start-up finishes it. */
  | { readonly kind: 'removing' };

export interface SandboxRecord {
  /** Of the record's form; a newer release's may be higher than ours. */
  readonly version: number;
  readonly id: string;
  readonly owner: PodOwner;
  /** `name_namespace_uid_attempt`: unique among live pods of one owner. */
  readonly name: string;
  readonly config: PodSandboxConfig;
  readonly runtimeHandler: string;
  /** stage1's, a word of another release among them. */
  readonly flavor: string;
  readonly createdAt: bigint;
  /** The kernel's boot ID at creation: another one means that every process is gone. */
  readonly bootId: string;
  readonly state: SandboxState;
  /** '' on the host's network. */
  readonly netnsPath: string;
  readonly usernsPath: string;
  readonly network: NetworkRecord | undefined;
  /** cgroupfs path of the pod's own leaf, '' if none. */
  readonly cgroupPath: string;
  readonly cgroupParent: string;
  /** Who makes this pod's cgroups, whatever the settings say today; absent in records of older releases. */
  readonly cgroupDriver?: string;
  /** Parents of `cgroupPath` that were not there in v2, the innermost first: ours to remove when they are empty. */
  readonly newCgroups?: readonly string[];
  /** SELinux's, the pod's own among this root's pods as long as the record is there. Absent or '': none. */
  readonly seLinuxLevel?: string;
  /** PID 1 of a shared pid namespace; 0 without one. */
  readonly pid: number;
  /** The release that failed last, as long as it has not succeeded: it is tried again. */
  readonly failure?: StepFailure | undefined;
}

/** A step of a pod's or container's end that failed. */
export interface StepFailure {
  /** The resource that could not be released. */
  readonly step: string;
  readonly message: string;
  readonly at: bigint;
}

export type ContainerState =
  | { readonly kind: 'creating' }
  | { readonly kind: 'created' }
  | { readonly kind: 'running'; readonly startedAt: bigint; readonly pid: number }
  | {
      readonly kind: 'exited';
      /** 0n when it never started. */
      readonly startedAt: bigint;
      readonly finishedAt: bigint;
      readonly exitCode: number;
      /** CRI: Completed, Error, OOMKilled, ContainerStatusUnknown … */
      readonly reason: string;
      readonly message: string;
    }
  | { readonly kind: 'removing' };

export interface ContainerRecord {
  readonly version: number;
  readonly id: string;
  readonly sandboxId: string;
  /** `container_pod_namespace_uid_attempt`. */
  readonly name: string;
  readonly config: ContainerConfig;
  /** What CRI's status shows: the image's ID and the reference that the container was made from. */
  readonly imageId: string;
  readonly imageRef: string;
  /** IDs of the images that its mounts show, in the order of those mounts; absent: none. */
  readonly volumeImageIds?: readonly string[];
  readonly createdAt: bigint;
  readonly state: ContainerState;
  readonly cgroupPath: string;
  /** Absolute; '' where CRI gave none. */
  readonly logPath: string;
  readonly stopSignal: number;
  /** Of its writable layer, for usage statistics; '' if none. */
  readonly writablePath: string;
  /** The directory of the volumes that its image declares, which count as written too; absent: none. */
  readonly volumesPath?: string;
  /** The user that the image and the security context resolved to. */
  readonly user: { readonly uid: number; readonly gid: number; readonly additionalGids: readonly number[] };
}

/** Read-only view that lists, statuses and statistics take; all in memory, so ten hung pods slow nobody down. */
export interface PodReader {
  sandboxes(): readonly SandboxRecord[];
  containers(): readonly ContainerRecord[];
  sandbox(id: string): SandboxRecord | undefined;
  container(id: string): ContainerRecord | undefined;
  containersOf(sandboxId: string): readonly ContainerRecord[];
  /** A whole ID or a unique prefix (crictl gives short ones); GantryError not-found naming the kind. */
  requireSandbox(idOrPrefix: string): SandboxRecord;
  requireContainer(idOrPrefix: string): ContainerRecord;
}

export interface ContainerEvent {
  readonly type: 'created' | 'started' | 'stopped' | 'deleted';
  /** The pod's own ID for an event of the pod itself. */
  readonly containerId: string;
  readonly at: bigint;
  /** The pod, and the containers that it shows, at that moment: it may have changed, or gone, when the event is read. */
  readonly sandbox: SandboxRecord;
  readonly containers: readonly ContainerRecord[];
}
