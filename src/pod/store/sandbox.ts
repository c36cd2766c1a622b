import { open } from 'node:fs/promises';
import { describeError, errno, GantryError, type Logger, native } from '../../base/index.ts';
import type { Stage1Client } from '../../stage1/index.ts';
import type { SandboxRecord, SandboxState } from '../model/record.ts';
import { advance } from '../model/state.ts';
import { writeRecord } from './codec.ts';
import type { Container } from './container.ts';
import type { PodDirectory } from './directory.ts';
import { Mutex } from './mutex.ts';

/** A pod: its record, its directory, the connection to its stage1, its containers. One change at a time. */
export class Sandbox {
  readonly id: string;
  readonly directory: PodDirectory;
  readonly mutex = new Mutex();
  /** Those that are being made too. */
  readonly containers = new Map<string, Container>();
  /** Containers in the making: a removal waits for them. */
  readonly making = new Set<Promise<unknown>>();
  readonly #log: Logger;
  #record: SandboxRecord;
  #client: Stage1Client | undefined;
  #lockFd: number | undefined;

  constructor(directory: PodDirectory, record: SandboxRecord, log: Logger) {
    this.id = record.id;
    this.directory = directory;
    this.#record = record;
    this.#log = log;
  }

  get record(): SandboxRecord {
    return this.#record;
  }

  get state(): SandboxState {
    return this.#record.state;
  }

  /** stage1, while there is a connection to it. */
  get client(): Stage1Client | undefined {
    return this.#client?.isOpen ? this.#client : undefined;
  }

  /** Errors: failed-precondition when the pod is not ready, unavailable while stage1 cannot be reached. */
  requireClient(operation: string): Stage1Client {
    if (this.#record.state.kind !== 'ready') {
      throw new GantryError({
        code: 'failed-precondition',
        operation,
        subject: this.id,
        message: `pod sandbox ${this.id} is not ready: ${this.#describeState()}`,
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

  /** Keeps the lock for as long as the pod is being made, or buried. */
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

  /** The new record is on disk, or nothing has changed. Errors: those of writing. */
  save(changes: Partial<SandboxRecord>): void {
    const next = { ...this.#record, ...changes };
    writeRecord(this.directory.record, next);
    this.#record = next;
  }

  /** In memory only: for what the next `save` writes, before anybody could ask for it. */
  patch(changes: Partial<SandboxRecord>): void {
    this.#record = { ...this.#record, ...changes };
  }

  /** What has happened has happened: memory knows it even where the disk is full; start-up finds it out again. */
  note(changes: Partial<SandboxRecord>): void {
    try {
      this.save(changes);
    } catch (error) {
      this.#record = { ...this.#record, ...changes };
      this.#log.warn({ sandbox: this.id, error: describeError(error) }, 'record not written; going on');
    }
  }

  /** Errors: internal, for a step that the table does not know. */
  advance(next: SandboxState): void {
    this.note({ state: advance('sandbox', this.id, this.#record.state, next) });
  }

  /**
   * Sends the record on its way to the platter without anybody waiting for it: what a plug-in has reserved outlives a power
   * cut only by its own record here.
   */
  syncRecord(): void {
    void (async () => {
      for (const path of [this.directory.record, this.directory.path]) {
        const file = await open(path, 'r');
        await file.sync().finally(() => file.close());
      }
    })().catch((error) => {
      // Gone again already: then there is nothing that had to last.
      if (errno(error) !== 'ENOENT')
        this.#log.warn({ sandbox: this.id, error: describeError(error) }, 'record not synced');
    });
  }

  #describeState(): string {
    const { state } = this.#record;
    return state.kind === 'notready' ? state.reason || 'it was stopped' : `it is ${state.kind}`;
  }
}
