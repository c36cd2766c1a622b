import type { DestinationStream } from 'pino';
import { errno } from './errors.ts';

/** Milliseconds that a line waits for a full pipe which may not be waited for by the kernel (O_NONBLOCK). */
const PATIENCE = 200;
const PAUSE = 5;

/**
 * Writes whole lines. One that cannot be written (the log's disk is full, its reader is gone) is lost: nothing that the server does
 * depends on its log. The next one that can be written comes after a line that says how many were lost.
 */
export class LineWriter implements DestinationStream {
  readonly #write: (bytes: Buffer) => number;
  readonly #form: (line: string) => string;
  #lost = 0;

  /** @param write as writeSync(2): the number of bytes that were written, which may be less than all. */
  constructor(write: (bytes: Buffer) => number, form: (line: string) => string = (line) => line) {
    this.#write = write;
    this.#form = form;
  }

  write(line: string): void {
    try {
      if (this.#lost > 0) this.#writeAll(lossLine(this.#lost));
      this.#lost = 0;
      this.#writeAll(line);
    } catch {
      this.#lost += 1;
    }
  }

  /** Errors: those of writing; a pipe that stays full is one. */
  #writeAll(line: string): void {
    const bytes = Buffer.from(this.#form(line));
    // Whoever has lost lines already does not wait again for each.
    const end = performance.now() + (this.#lost > 0 ? 0 : PATIENCE);
    for (let at = 0; at < bytes.length; ) {
      try {
        at += this.#write(bytes.subarray(at));
      } catch (error) {
        if (errno(error) !== 'EAGAIN' || performance.now() > end) throw error;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE);
      }
    }
  }
}

function lossLine(lost: number): string {
  const fields = { level: 40, time: Date.now(), lost, msg: 'lines of this log could not be written' };
  return `${JSON.stringify(fields)}\n`;
}
