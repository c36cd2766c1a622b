import { randomBytes } from 'node:crypto';
import { GantryError } from '../base/index.ts';
import type { Session } from './types.ts';

const lifetimeMs = 60_000;
const limit = 1000;

/**
 * Sessions that wait for their client. A token is single-use, unguessable (128 bits) and expires after a minute, as the
 * kubelet's own streaming library has it; whoever holds one may open the session, so it never goes into a log.
 */
export class Tokens {
  readonly #waiting = new Map<string, { readonly session: Session; readonly timer: NodeJS.Timeout }>();

  /** @throws resource-exhausted when a thousand sessions already wait. */
  issue(session: Session): string {
    if (this.#waiting.size >= limit) {
      throw new GantryError({
        code: 'resource-exhausted',
        operation: 'issue a streaming token',
        message: `${limit} streaming sessions wait for their client already; try again in a minute`,
      });
    }
    const token = randomBytes(16).toString('base64url');
    const timer = setTimeout(() => this.#waiting.delete(token), lifetimeMs);
    timer.unref();
    this.#waiting.set(token, { session, timer });
    return token;
  }

  /** The session, once; undefined for a token that is unknown, used or expired. */
  redeem(token: string): Session | undefined {
    const entry = this.#waiting.get(token);
    if (entry === undefined) return undefined;
    clearTimeout(entry.timer);
    this.#waiting.delete(token);
    return entry.session;
  }

  clear(): void {
    for (const { timer } of this.#waiting.values()) clearTimeout(timer);
    this.#waiting.clear();
  }
}
