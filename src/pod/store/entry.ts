import { describeError, type Logger, Mutex } from '../../base/index.ts';
import type { ContainerRecord, SandboxRecord } from '../model/record.ts';
import { type Origin, writeRecord } from './codec.ts';

/** What a pod and a container have in common: a record and its file, and one change at a time. */
export abstract class Entry<R extends SandboxRecord | ContainerRecord> {
  readonly id: string;
  abstract readonly kind: 'pod' | 'app';
  readonly mutex = new Mutex();
  /** Work on its resources that may still be going on, by resource: nothing is begun on one before the last has settled. */
  readonly working = new Map<string, Promise<unknown>>();
  readonly #log: Logger;
  readonly #origin: Origin | undefined;
  #record: R;
  #revision = 0;

  /** `origin`: where the record was stored otherwise than this release writes it. */
  constructor(record: R, log: Logger, origin?: Origin) {
    this.id = record.id;
    this.#record = record;
    this.#log = log;
    this.#origin = origin;
  }

  /** Where its record is. */
  protected abstract get file(): string;

  get record(): R {
    return this.#record;
  }

  get state(): R['state'] {
    return this.#record.state;
  }

  /** Grows with every change of the record: what was made of the record may be kept until then. */
  get revision(): number {
    return this.#revision;
  }

  /** The new record is on disk, or nothing has changed. Errors: those of writing. */
  save(changes: Partial<R>): void {
    const next = { ...this.#record, ...changes };
    writeRecord(this.file, next, this.#origin);
    this.#set(next);
  }

  /** In memory only: for what the next `save` writes, before anybody could ask for it. */
  patch(changes: Partial<R>): void {
    this.#set({ ...this.#record, ...changes });
  }

  /** What has happened has happened: memory knows it even where the disk is full; start-up finds it out again. */
  note(changes: Partial<R>): void {
    try {
      this.save(changes);
    } catch (error) {
      this.patch(changes);
      this.#log.warn({ id: this.id, error: describeError(error) }, 'record not written; going on');
    }
  }

  /** The one place where a record changes. */
  #set(next: R): void {
    this.#record = next;
    this.#revision++;
  }
}
