/** Helpers by need: an idle one is used, another is started where all are busy, and one that hangs is killed at the deadline. */
import { GantryError, inTime, type Wait } from '../base/index.ts';
import { HostFileError } from './errors.ts';
import { Helper, type HostRequest } from './helper.ts';

/** Idle helpers that are kept. */
const KEPT = 2;
/** Busy ones at once: more means that very much hangs. */
const MOST = 64;
/** So many are started at once; then the next request waits a moment for one of them. */
const AT_ONCE = 4;
const MOMENT = 20;

export interface AskOptions {
  /** Whose deadline holds, for each request by itself. */
  readonly wait: Wait;
  /** Milliseconds, in place of the table's. */
  readonly deadline?: number;
  /** Aborts when whoever asked gives up. */
  readonly signal?: AbortSignal;
}

/** What one request came to: fields, or why not. */
export type HostAnswer = readonly string[] | HostFileError;

export class HelperPool {
  readonly #idle: Helper[] = [];
  readonly #queue: (() => void)[] = [];
  /** Paths whose helper was killed and still sleeps in the kernel, with the number of those. */
  readonly #stuck = new Map<string, number>();
  #busy = 0;

  /** Helpers that could not be killed, and are not waited for. */
  get abandoned(): number {
    return [...this.#stuck.values()].reduce((sum, count) => sum + count, 0);
  }

  /**
   * The requests' answers, in their order. Errors: deadline-exceeded, naming the path that does not answer; resource-exhausted
   * when too many do not; the signal's reason.
   */
  async ask(requests: readonly HostRequest[], options: AskOptions): Promise<HostAnswer[]> {
    if (requests.length === 0) return [];
    options.signal?.throwIfAborted();
    const stuck = requests.find(({ path }) => this.#stuck.has(path));
    if (stuck !== undefined) throw hangs(stuck.path, 'still does not answer');
    const helper = await this.#take(requests[0]?.path ?? '');
    const answers: HostAnswer[] = [];
    try {
      for (const [index, answer] of helper.ask(requests).entries()) {
        const { path = '' } = requests[index] ?? {};
        const late = (ms: number): GantryError => hangs(path, `did not answer in ${ms} ms`);
        answers.push(read(await inTime(options.wait, answer, late, options.deadline, options.signal)));
      }
    } catch (error) {
      this.#drop(helper, requests[answers.length]?.path ?? '');
      throw error;
    }
    this.#give(helper);
    return answers;
  }

  /** Ends idle helpers; the others end when they are done. */
  close(): void {
    for (const helper of this.#idle.splice(0)) this.#end(helper);
  }

  async #take(path: string): Promise<Helper> {
    if (this.#idle.length === 0 && this.#busy >= AT_ONCE) await this.#moment();
    if (this.#busy >= MOST) {
      throw new GantryError({
        code: 'resource-exhausted',
        operation: 'look at host path',
        subject: path,
        message: `${path} was not looked at: ${MOST} other paths are waited for, and none of their file systems answers`,
      });
    }
    const helper = this.#idle.pop() ?? this.#start();
    helper.setIdle(false);
    this.#busy++;
    return helper;
  }

  /** Errors: those of starting a program. */
  #start(): Helper {
    const helper = new Helper();
    // An idle one may be killed by somebody else (the kernel, for want of memory): the next request is not for it.
    void helper.lost.then(() => {
      const at = this.#idle.indexOf(helper);
      if (at < 0) return;
      this.#idle.splice(at, 1);
      this.#end(helper);
    });
    return helper;
  }

  /** Until a helper is free, but not for long. */
  #moment(): Promise<void> {
    return new Promise((resolve) => {
      const go = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#queue.splice(this.#queue.indexOf(go), 1);
        resolve();
      }, MOMENT);
      this.#queue.push(go);
    });
  }

  #give(helper: Helper): void {
    this.#busy--;
    if (helper.isOpen && (this.#idle.length < KEPT || this.#queue.length > 0)) {
      helper.setIdle(true);
      this.#idle.push(helper);
    } else this.#end(helper);
    this.#queue.shift()?.();
  }

  #end(helper: Helper): void {
    helper.close();
    void helper.reap(() => undefined);
  }

  #drop(helper: Helper, path: string): void {
    this.#busy--;
    helper.kill();
    const count = (by: number): void => {
      const now = (this.#stuck.get(path) ?? 0) + by;
      if (now > 0) this.#stuck.set(path, now);
      else this.#stuck.delete(path);
    };
    let late = false;
    const onLate = (): void => {
      late = true;
      count(1);
    };
    void helper.reap(onLate).then(() => {
      if (late) count(-1);
    });
    this.#queue.shift()?.();
  }
}

function read([kind, ...rest]: readonly string[]): HostAnswer {
  if (kind === '+') return rest;
  const [number = '', operation = '', subject = '', message = ''] = rest;
  return new HostFileError(Number(number), operation, subject, message);
}

function hangs(path: string, what: string): GantryError {
  return new GantryError({
    code: 'deadline-exceeded',
    operation: 'look at host path',
    subject: path,
    message: `${path} ${what}: the file system that it lies on hangs (a network volume without its server, a FUSE daemon that stopped); mend or unmount it`,
  });
}
