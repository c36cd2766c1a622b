/** What a resource is, and what it is made with and released by. */
import type { Logger, OciSpec, Roots } from '../../base/index.ts';
import type { Cdi } from '../../cdi/index.ts';
import type { ImageRecord, ImageService } from '../../image/index.ts';
import type { PodNetwork } from '../../network/index.ts';
import type { Nri } from '../../nri/index.ts';
import type { CgroupLayout } from '../../resources/index.ts';
import type { HostFacts } from '../../security/index.ts';
import type {
  AppState,
  CgroupDriver,
  Control,
  LayerMount,
  Stage1Client,
  Stage1Event,
} from '../../stage1/index.ts';
import type { Owner } from '../model/owner.ts';
import type { ContainerPlan } from '../plan/app.ts';
import type { PodFacts, SandboxPlan } from '../plan/pod.ts';
import type { Container, Sandbox } from '../store/sandbox.ts';

/** The parts of the server that resources are made with. */
export interface ResourceHost {
  readonly roots: Roots;
  readonly log: Logger;
  readonly images: ImageService;
  readonly network: PodNetwork;
  readonly nri: Nri;
  readonly cdi: Cdi;
  readonly control: Control;
  readonly cgroups: CgroupLayout;
  /** Of new pods; a pod's own is in its record. */
  readonly cgroupDriver: CgroupDriver;
  readonly host: HostFacts;
  /** What stage1 tells while it is being started or ended. */
  onEvent(sandbox: Sandbox, event: Stage1Event): void;
  onReady(sandbox: Sandbox, client: Stage1Client): void;
  onStates(sandbox: Sandbox, apps: readonly AppState[]): void;
}

/** A pod in the making. */
export interface PodMaking {
  readonly entry: Sandbox;
  readonly plan: SandboxPlan;
  readonly facts: PodFacts;
  /** Aborts when the making is given up: the step that is being made is the last one then. */
  readonly signal: AbortSignal;
  /** PID 1 of a shared pid namespace, or 0; the supervisor tells. */
  pid: number;
}

/** A container in the making. */
export interface AppMaking {
  readonly entry: Container;
  readonly plan: ContainerPlan;
  readonly owner: Owner;
  /** The container's own image, then those that its mounts show. */
  readonly images: readonly [ImageRecord, ...ImageRecord[]];
  readonly signal: AbortSignal;
  /** Of each of those images; there from `layers` on. */
  layers: readonly (readonly LayerMount[])[];
  /** What stage1 was given; there from `document` on. */
  document?: OciSpec;
}

/** One kind of thing that a pod or container has on the host. What the record says of it is the plan's (`plan/`). */
export interface Resource<Making extends { readonly entry: object }> {
  /** Milliseconds for the release, where it needs longer than `deadlines.undo`; whoever is not done by then has failed. */
  readonly releaseDeadline?: number;
  /** Errors: the system's. Whatever there is of it then, `release` takes away. */
  make(host: ResourceHost, making: Making): Promise<void> | void;
  /**
   * From the record alone: after a making that failed anywhere, after a crash, after a reboot, and again. Errors: the system's;
   * then it is tried again.
   */
  release(host: ResourceHost, entry: Making['entry']): Promise<void> | void;
}

export type PodResource = Resource<PodMaking>;
export type AppResource = Resource<AppMaking>;
