/** Nanoseconds since the epoch, and of CPU time. */
export interface CpuSample {
  readonly timestamp: bigint;
  readonly usage: bigint;
}

interface Tracked {
  readonly baseline: CpuSample;
  /** Of the last interval that was long enough. */
  readonly rate: bigint | undefined;
}

/** A shorter interval than this says more of the scheduler than of the container. */
const shortestInterval = 500_000_000n;

/**
 * Turns growing CPU time into nanocores (1e9 is one core busy), between one reading and the one before. Readings that
 * follow too closely, as with two clients, get the last rate again. Forgotten with `keepOnly`.
 */
export class CpuRates {
  readonly #tracked = new Map<string, Tracked>();

  /** Undefined for the first reading: there is nothing to compare with. */
  rate(id: string, sample: CpuSample): bigint | undefined {
    const known = this.#tracked.get(id);
    // Less than before: a new cgroup under the same name.
    if (known === undefined || sample.usage < known.baseline.usage) {
      this.#tracked.set(id, { baseline: sample, rate: undefined });
      return undefined;
    }
    const interval = sample.timestamp - known.baseline.timestamp;
    if (interval < shortestInterval) return known.rate;
    const rate = ((sample.usage - known.baseline.usage) * 1_000_000_000n) / interval;
    this.#tracked.set(id, { baseline: sample, rate });
    return rate;
  }

  /** Drops whatever is not in the set. */
  keepOnly(ids: ReadonlySet<string>): void {
    for (const id of this.#tracked.keys()) if (!ids.has(id)) this.#tracked.delete(id);
  }
}
