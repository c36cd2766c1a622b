/**
 * Tells a stalled transfer from a slow reader: bytes a second, averaged over a window of time in which we were willing
 * to read. Time under back-pressure (a busy converter, a full disk) does not count against the registry. Pure but for
 * the clock that it is given.
 */
export class RateWatch {
  readonly #minimumRate: number;
  readonly #windowMs: number;
  #bytes = 0;
  #activeMs = 0;
  /** Since when we have been reading; undefined while paused. */
  #since: number | undefined;

  constructor(minimumRate: number, windowMs: number, now: number) {
    this.#minimumRate = minimumRate;
    this.#windowMs = windowMs;
    this.#since = now;
  }

  received(bytes: number): void {
    this.#bytes += bytes;
  }

  pause(now: number): void {
    if (this.#since !== undefined) this.#activeMs += now - this.#since;
    this.#since = undefined;
  }

  resume(now: number): void {
    this.#since ??= now;
  }

  /** Whether a whole window has passed below the minimum; begins a new window whenever one is full. */
  stalled(now: number): boolean {
    if (this.#since !== undefined) {
      this.#activeMs += now - this.#since;
      this.#since = now;
    }
    if (this.#activeMs < this.#windowMs) return false;
    const rate = (this.#bytes * 1000) / this.#activeMs;
    this.#bytes = 0;
    this.#activeMs = 0;
    return rate < this.#minimumRate;
  }
}
