import { setTimeout as sleep } from 'node:timers/promises';
import { describeError, type Logger } from '../../base/index.ts';

/** Milliseconds between the first two attempts, and the longest pause. */
const FIRST_PAUSE = 50;
const LONGEST_PAUSE = 30_000;

/** What failed is tried again, ever more slowly, until it succeeds: one attempt at a time per key, nobody's worker held. */
export class Retries {
  readonly #log: Logger;
  readonly #closing: AbortSignal;
  readonly #longest: number;
  readonly #running = new Map<string, Promise<void>>();

  constructor(log: Logger, closing: AbortSignal, longest = LONGEST_PAUSE) {
    this.#log = log;
    this.#closing = closing;
    this.#longest = longest;
  }

  /** What is being tried right now, or waits for its next attempt. */
  get keys(): readonly string[] {
    return [...this.#running.keys()];
  }

  /**
   * Tries `attempt` after a pause, and again until it resolves or the server ends. A second call for a key that is being tried
   * joins the first. Never rejects.
   */
  until(key: string, attempt: () => Promise<void>, longest = this.#longest): Promise<void> {
    let running = this.#running.get(key);
    if (running === undefined) {
      running = this.#try(key, attempt, longest).finally(() => this.#running.delete(key));
      this.#running.set(key, running);
    }
    return running;
  }

  async #try(key: string, attempt: () => Promise<void>, longest: number): Promise<void> {
    let said = '';
    for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 2, longest)) {
      try {
        await sleep(pause, undefined, { ref: false, signal: this.#closing });
      } catch {
        return; // the server ends; the next one begins anew
      }
      try {
        return await attempt();
      } catch (error) {
        const text = describeError(error);
        if (text !== said) this.#log.error({ retried: key, error: text }, 'failed; it is tried again');
        said = text;
      }
    }
  }
}
