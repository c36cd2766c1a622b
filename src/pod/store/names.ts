import { isDeepStrictEqual } from 'node:util';
import { GantryError } from '../../base/index.ts';

interface Reservation {
  /** What was asked for; a second call for the name must ask for the same. */
  readonly request: unknown;
  readonly made: Promise<string>;
}

/**
 * Names in the making. A call for a name that is being made joins the first one and gets its ID (a kubelet that gave up
 * waiting retries with the same name); the name is free again in the moment the attempt fails. What exists already is the
 * service's business, not ours.
 */
export class Names {
  readonly #what: string;
  readonly #making = new Map<string, Reservation>();

  constructor(what: 'sandbox' | 'container') {
    this.#what = what;
  }

  /**
   * @param signal of the caller: it stops waiting, the making goes on for whoever retries.
   * Errors: those of `make`; already-exists when something else is being made under the name; cancelled.
   */
  async join(
    name: string,
    request: unknown,
    make: () => Promise<string>,
    signal: AbortSignal,
  ): Promise<string> {
    let reservation = this.#making.get(name);
    if (reservation === undefined) {
      reservation = { request, made: make().finally(() => this.#making.delete(name)) };
      this.#making.set(name, reservation);
      // The caller may be gone when it fails; then nobody is left to hear of it.
      reservation.made.catch(() => {});
    } else if (!isDeepStrictEqual(reservation.request, request)) {
      throw new GantryError({
        code: 'already-exists',
        operation: `create ${this.#what}`,
        subject: name,
        message: `the ${this.#what} name "${name}" is reserved: it is being created right now from another configuration`,
      });
    }
    return waitFor(
      reservation.made,
      signal,
      `${this.#what} "${name}" is still being created; ask again to join it`,
    );
  }
}

/** `work`, or a 'deadline-exceeded' as soon as the caller is gone; the work itself is not disturbed. */
export function waitFor<T>(work: Promise<T>, signal: AbortSignal, message: string): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => {
      const code = signal.reason instanceof GantryError ? signal.reason.code : 'deadline-exceeded';
      reject(new GantryError({ code, operation: 'wait', message }));
    };
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
