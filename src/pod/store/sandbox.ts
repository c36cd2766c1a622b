/** Pods and their containers in memory: the record of each, the connection to a pod's stage1, what is being made. */
import { readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import {
  describeError,
  errno,
  GantryError,
  type Logger,
  Mutex,
  native,
  type OciSpec,
  writeJsonAtomic,
} from '../../base/index.ts';
import type { NetworkRecord } from '../../network/index.ts';
import type { UnitProperty } from '../../resources/index.ts';
import type { Stage1Client } from '../../stage1/index.ts';
import type { ContainerRecord, ContainerState, SandboxRecord, SandboxState } from '../model/record.ts';
import { advance } from '../model/state.ts';
import { type AppResourceName, appResources, heldBy, type PodResourceName } from '../plan/resources.ts';
import type { Origin } from './codec.ts';
import type { PodDirectory } from './directory.ts';
import { Entry } from './entry.ts';
import { Makings } from './makings.ts';

/** A pod: its record, its directory, the connection to its stage1, its containers. One change at a time. */
export class Sandbox extends Entry<SandboxRecord> {
  readonly kind = 'pod';
  readonly directory: PodDirectory;
  /** Those that are being made too. */
  readonly containers = new Map<string, Container>();
  /** Containers whose record could not be read or understood: they run on, unseen, until the pod ends. Why, by ID. */
  readonly unknownContainers = new Map<string, string>();
  /** Containers in the making: the pod's end makes them give up, and a removal waits for that. */
  readonly making = new Makings();
  /** What the host may hold for the pod: begun, and not yet released. */
  readonly held: Set<PodResourceName>;
  /** Somebody wants it gone: then it is not just stopped when that is tried again. */
  removalAsked = false;
  readonly #log: Logger;
  #client: Stage1Client | undefined;
  #lockFd: number | undefined;

  constructor(directory: PodDirectory, record: SandboxRecord, log: Logger, origin?: Origin) {
    super(record, log, origin);
    this.held = heldBy(record);
    this.directory = directory;
    this.#log = log;
  }

  protected get file(): string {
    return this.directory.record;
  }

  /** stage1, while there is a connection to it. */
  get client(): Stage1Client | undefined {
    return this.#client?.isOpen ? this.#client : undefined;
  }

  /** Errors: failed-precondition when the pod is not ready, unavailable while stage1 cannot be reached. */
  requireClient(operation: string): Stage1Client {
    const { state } = this;
    if (state.kind !== 'ready') {
      const why = state.kind === 'notready' ? state.reason || 'it was stopped' : `it is ${state.kind}`;
      throw new GantryError({
        code: 'failed-precondition',
        operation,
        subject: this.id,
        message: `pod sandbox ${this.id} is not ready: ${why}`,
      });
    }
    const client = this.client;
    if (client !== undefined) return client;
    throw new GantryError({
      code: 'unavailable',
      operation,
      subject: this.id,
      message: `the stage1 of pod sandbox ${this.id} cannot be reached right now; try again`,
    });
  }

  attach(client: Stage1Client): void {
    this.#client = client;
  }

  detach(): void {
    this.#client?.close();
    this.#client = undefined;
  }

  /** Keeps the lock for as long as the pod is being made, or ended without its stage1. */
  holdLock(fd: number): void {
    this.#lockFd = fd;
  }

  get lockFd(): number | undefined {
    return this.#lockFd;
  }

  /** Idempotent. stage1's own copy of the descriptor keeps a live pod's lock held. */
  releaseLock(): void {
    if (this.#lockFd !== undefined) native().closeFd(this.#lockFd);
    this.#lockFd = undefined;
  }

  /** Errors: internal, for a step that the table does not know. */
  advance(next: SandboxState): void {
    this.note({ state: advance('sandbox', this.id, this.state, next) });
  }

  /**
   * The network's record before anything of it exists, in a file of its own that no later write of the record replaces. A
   * plug-in's reservation outlives a power cut only by this file (`durable`), so it is sent on its way to the platter; nobody
   * waits for that. Errors: those of writing.
   */
  claimNetwork(network: NetworkRecord, durable: boolean): void {
    writeJsonAtomic(this.directory.network, network);
    this.patch({ network });
    if (durable) void this.#sync([this.directory.network, this.directory.path]);
  }

  async #sync(paths: readonly string[]): Promise<void> {
    try {
      for (const path of paths) {
        const file = await open(path, 'r');
        await file.sync().finally(() => file.close());
      }
    } catch (error) {
      // Gone again already: then there is nothing that had to last.
      if (errno(error) === 'ENOENT') return;
      this.#log.warn({ sandbox: this.id, error: describeError(error) }, 'network record not synced');
    }
  }
}

/** A container of a pod: its record, and one change at a time. */
export class Container extends Entry<ContainerRecord> {
  readonly kind = 'app';
  readonly sandbox: Sandbox;
  /** Changes of limits alone: those that NRI asks for must not wait for whoever waits for NRI. */
  readonly updating = new Mutex();
  /** What the host may hold for the container: begun, and not yet released. */
  readonly held = new Set<AppResourceName>(appResources().flat() as AppResourceName[]);
  /** The document as execs need it: its process; the long parts (mounts, seccomp rules) are left out. */
  execSpec: OciSpec | undefined;
  /** The whole document, as long as it is not on disk yet. */
  document: OciSpec | undefined;
  /** Its limits as systemd is told them, from the manifest to the barrier. */
  unitProperties: readonly UnitProperty[] = [];
  /** While this server makes it: nobody else may end it meanwhile. */
  inMaking = false;

  constructor(sandbox: Sandbox, record: ContainerRecord, log: Logger, origin?: Origin) {
    super(record, log, origin);
    this.sandbox = sandbox;
  }

  protected get file(): string {
    return this.sandbox.directory.appRecord(this.id);
  }

  get path(): string {
    return this.sandbox.directory.app(this.id);
  }

  /** The document, for its process; read from disk where this server did not make the container. Errors: those of reading. */
  processDocument(): OciSpec {
    this.execSpec ??= forExecs(JSON.parse(readFileSync(join(this.path, 'config.json'), 'utf8')) as OciSpec);
    return this.execSpec;
  }

  /** Errors: internal, for a step that the table does not know. */
  advance(next: ContainerState): void {
    this.note({ state: advance('container', this.id, this.state, next) });
  }
}

/** Without the long parts that no exec needs. */
export function forExecs(spec: OciSpec): OciSpec {
  return { ...spec, mounts: [], linux: {} };
}
