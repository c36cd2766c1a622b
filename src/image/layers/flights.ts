/**
 * Work that several callers want at once is done once. Each caller may leave by its own signal; the work is told to stop
 * only when nobody waits any more.
 */
import { GantryError } from '../../base/index.ts';

interface Flight<T> {
  readonly result: Promise<T>;
  readonly controller: AbortController;
  waiting: number;
}

export class Flights<T> {
  readonly #flights = new Map<string, Flight<T>>();

  has(key: string): boolean {
    return this.#flights.has(key);
  }

  /** Joins the flight of `key`, or starts it with `work`. */
  async join(key: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (signal.aborted) throw left(signal);
    const flight = this.#flights.get(key) ?? this.#start(key, work);
    flight.waiting++;
    const { promise: leaving, reject } = Promise.withResolvers<never>();
    const leave = (): void => reject(left(signal));
    signal.addEventListener('abort', leave, { once: true });
    try {
      return await Promise.race([flight.result, leaving]);
    } finally {
      signal.removeEventListener('abort', leave);
      flight.waiting--;
      // The last one to leave waits until the work has cleaned up behind itself.
      if (flight.waiting === 0) await this.#abandon(key, flight);
    }
  }

  #start(key: string, work: (signal: AbortSignal) => Promise<T>): Flight<T> {
    const controller = new AbortController();
    const flight: Flight<T> = { result: work(controller.signal), controller, waiting: 0 };
    this.#flights.set(key, flight);
    // Whether it fails is told to those who wait; here it only matters that it is over.
    const over = (): void => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
    };
    flight.result.then(over, over);
    return flight;
  }

  /** A newcomer must not join work that was told to stop. */
  async #abandon(key: string, flight: Flight<T>): Promise<void> {
    if (this.#flights.get(key) === flight) this.#flights.delete(key);
    flight.controller.abort();
    await flight.result.then(
      () => undefined,
      () => undefined,
    );
  }
}

/** The caller's own reason (its deadline, its going away), where it gave one. */
function left(signal: AbortSignal): GantryError {
  if (signal.reason instanceof GantryError) return signal.reason;
  const message = 'the caller did not wait';
  return new GantryError({ code: 'cancelled', operation: 'pull', message, cause: signal.reason });
}
