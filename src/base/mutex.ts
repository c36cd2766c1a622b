/** Mutual exclusion: within this process, and among all processes that use one file. */
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeDirectory } from './atomic-file.ts';
import { errno, GantryError } from './errors.ts';
import { native } from './native.ts';

/** One at a time, in the order of asking. Not reentrant. */
export class Mutex {
  #tail: Promise<void> = Promise.resolve();

  /** Runs `work` when everything asked for earlier has ended, whatever came of it. */
  run<T>(work: () => T | Promise<T>): Promise<T> {
    const result = this.#tail.then(work);
    this.#tail = result.then(
      () => {},
      () => {},
    );
    return result;
  }
}

const POLL_MS = 2;
const PATIENCE_MS = 30_000;

/**
 * One at a time, within this process (in the order of asking) and among all processes that use the same file (server and
 * commands). The file's lock is taken only while there is work, which should take milliseconds. Not reentrant.
 */
export class FileMutex {
  readonly #path: string;
  readonly #patienceMs: number;
  /** Callers of this process queue up, so that only the first of them competes with other processes. */
  readonly #queue = new Mutex();

  /** @param patienceMs how long to wait for another process. */
  constructor(path: string, patienceMs = PATIENCE_MS) {
    this.#path = path;
    this.#patienceMs = patienceMs;
  }

  /** 'unavailable' when another process holds the file's lock for too long; `work` did not run then. */
  run<T>(work: () => T | Promise<T>): Promise<T> {
    return this.#queue.run(async () => {
      const fd = await this.#take();
      try {
        return await work();
      } finally {
        native().closeFd(fd);
      }
    });
  }

  async #take(): Promise<number> {
    makeDirectory(dirname(this.#path));
    const deadline = performance.now() + this.#patienceMs;
    for (;;) {
      try {
        return native().lockTake(this.#path);
      } catch (error) {
        if (errno(error) !== 'EAGAIN') throw error;
        if (performance.now() > deadline) throw this.#held(error);
      }
      await sleep(POLL_MS);
    }
  }

  #held(cause: unknown): GantryError {
    return new GantryError({
      code: 'unavailable',
      operation: 'lock',
      subject: this.#path,
      message: `another process has held ${this.#path} for more than ${this.#patienceMs / 1000} s; see /proc/locks for which`,
      cause,
    });
  }
}
