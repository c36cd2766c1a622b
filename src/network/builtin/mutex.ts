import { dirname } from 'node:path';
import { errno, makeDirectory, native } from '../../base/index.ts';

/** How long a process waits for another one: what is done under the lock takes milliseconds. */
const PATIENCE = 10_000;

/**
 * One at a time, within this process (in order of arrival) and among all that share the root (server and commands): the
 * file's lock is taken only while there is work.
 */
export class FileMutex {
  readonly #path: string;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(path: string) {
    this.#path = path;
  }

  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(() => this.#locked(work));
    this.#tail = result.catch(() => undefined);
    return result;
  }

  async #locked<T>(work: () => Promise<T>): Promise<T> {
    makeDirectory(dirname(this.#path));
    const fd = await this.#take();
    try {
      return await work();
    } finally {
      native().closeFd(fd);
    }
  }

  async #take(): Promise<number> {
    const deadline = performance.now() + PATIENCE;
    for (;;) {
      try {
        return native().lockTake(this.#path);
      } catch (error) {
        if (errno(error) !== 'EAGAIN' || performance.now() > deadline) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
}
