/**
 * The image store's lock: what changes records, layers' names or their mounts happens under it, in any process that uses
 * the root. Held for milliseconds; fetching, converting and hashing happen outside of it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { errno, GantryError, native } from '../base/index.ts';

const POLL_MS = 2;
const PATIENCE_MS = 30_000;

export class StoreLock {
  readonly #path: string;
  /** Within the process callers queue up; only the first competes with other processes. */
  #tail: Promise<void> = Promise.resolve();

  constructor(path: string) {
    this.#path = path;
    native().closeFd(native().lockTake(path));
  }

  /** Not reentrant. */
  async run<T>(work: () => T | Promise<T>): Promise<T> {
    const before = this.#tail;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#tail = promise;
    await before;
    try {
      const fd = await this.#take();
      try {
        return await work();
      } finally {
        native().closeFd(fd);
      }
    } finally {
      resolve();
    }
  }

  async #take(): Promise<number> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      try {
        return native().lockTake(this.#path);
      } catch (error) {
        if (errno(error) !== 'EAGAIN') throw error;
        if (performance.now() > deadline) throw held(this.#path, error);
      }
      await sleep(POLL_MS);
    }
  }
}

function held(path: string, cause: unknown): GantryError {
  return new GantryError({
    code: 'unavailable',
    operation: 'lock image store',
    subject: path,
    message: `another process holds ${path} for more than ${PATIENCE_MS / 1000} s; see /proc/locks for which`,
    cause,
  });
}
