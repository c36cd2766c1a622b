import { describeError, type Logger, type OciSpec } from '../../base/index.ts';
import type { ContainerRecord, ContainerState } from '../model/record.ts';
import { advance } from '../model/state.ts';
import { writeRecord } from './codec.ts';
import { Mutex } from './mutex.ts';
import type { Sandbox } from './sandbox.ts';

/** A container of a pod: its record, and one change at a time. */
export class Container {
  readonly id: string;
  readonly sandbox: Sandbox;
  readonly mutex = new Mutex();
  /** Changes of limits alone: those that NRI asks for must not wait for whoever waits for NRI. */
  readonly updating = new Mutex();
  readonly #log: Logger;
  #record: ContainerRecord;
  /** The document as execs need it: its process; the long parts (mounts, seccomp rules) are left out. */
  execSpec: OciSpec | undefined;
  /** The whole document, as long as it is not on disk yet. */
  document: OciSpec | undefined;

  constructor(sandbox: Sandbox, record: ContainerRecord, log: Logger) {
    this.id = record.id;
    this.sandbox = sandbox;
    this.#record = record;
    this.#log = log;
  }

  get record(): ContainerRecord {
    return this.#record;
  }

  get state(): ContainerState {
    return this.#record.state;
  }

  get path(): string {
    return this.sandbox.directory.app(this.id);
  }

  /** The new record is on disk, or nothing has changed. Errors: those of writing. */
  save(changes: Partial<ContainerRecord>): void {
    const next = { ...this.#record, ...changes };
    writeRecord(this.sandbox.directory.appRecord(this.id), next);
    this.#record = next;
  }

  /** In memory only: for what the next `save` writes, before anybody could ask for it. */
  patch(changes: Partial<ContainerRecord>): void {
    this.#record = { ...this.#record, ...changes };
  }

  /** What has happened has happened: memory knows it even where the disk is full; start-up finds it out again. */
  note(changes: Partial<ContainerRecord>): void {
    try {
      this.save(changes);
    } catch (error) {
      this.#record = { ...this.#record, ...changes };
      this.#log.warn({ container: this.id, error: describeError(error) }, 'record not written; going on');
    }
  }

  /** Errors: internal, for a step that the table does not know. */
  advance(next: ContainerState): void {
    this.note({ state: advance('container', this.id, this.#record.state, next) });
  }
}
