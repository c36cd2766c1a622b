/** One helper process: started with a socket and nothing else, killed or told to end by closing it. */
import { Socket } from 'node:net';
import { GantryError, native, nativeExecutable } from '../base/index.ts';
import { decodeFields, encodeFrame, FrameSplitter } from './framing.ts';

/** What one helper is asked: `addon/files/answer.cc` has the list. */
export interface HostRequest {
  readonly name:
    | 'resolve'
    | 'make'
    | 'devices'
    | 'node'
    | 'read'
    | 'usage'
    | 'hash'
    | 'processes'
    | 'remove'
    | 'relabel'
    | 'ping';
  readonly path: string;
  readonly argument?: string;
}

interface Waiter {
  readonly resolve: (fields: string[]) => void;
  readonly reject: (error: Error) => void;
}

/** Milliseconds after which a killed process counts as abandoned: it sleeps in the kernel. */
const REAP_SOON = 1_000;
const REAP_LATER = 2_000;

export class Helper {
  readonly #pid: number;
  readonly #socket: Socket;
  readonly #waiting: Waiter[] = [];
  #lost: GantryError | undefined;
  /** Resolves when the process can be asked no more. */
  readonly lost: Promise<void>;
  #isLost: () => void = () => undefined;
  /** Resolves when the process is reaped. */
  readonly gone: Promise<void>;
  #reaped: () => void = () => undefined;

  /** Errors: those of starting a program. */
  constructor() {
    const addon = native();
    const [ours, theirs] = addon.socketPair();
    try {
      this.#pid = addon.spawn([nativeExecutable('gantry-files')], [], [theirs, -1, -1]);
    } catch (error) {
      addon.closeFd(ours);
      throw error;
    } finally {
      addon.closeFd(theirs);
    }
    this.gone = new Promise((resolve) => {
      this.#reaped = resolve;
    });
    this.lost = new Promise((resolve) => {
      this.#isLost = resolve;
    });
    this.#socket = new Socket({ fd: ours, readable: true, writable: true });
    const splitter = new FrameSplitter();
    this.#socket.on('data', (chunk: Buffer) => {
      for (const body of splitter.add(chunk)) this.#waiting.shift()?.resolve(decodeFields(body));
    });
    this.#socket.on('error', () => undefined);
    this.#socket.once('close', () => this.#lose());
  }

  get isOpen(): boolean {
    return this.#lost === undefined;
  }

  /** Sends requests, which are answered in their order. Each answer's fields; rejects when the process is lost. */
  ask(requests: readonly HostRequest[]): Promise<string[]>[] {
    if (this.#lost !== undefined) return requests.map(() => Promise.reject(this.#lost));
    const answers = requests.map(
      () => new Promise<string[]>((resolve, reject) => this.#waiting.push({ resolve, reject })),
    );
    // Whoever stops waiting at the first failure leaves the others alone.
    for (const answer of answers) answer.catch(() => undefined);
    const frames = requests.map(({ name, path, argument }) =>
      encodeFrame(argument === undefined ? [name, path] : [name, path, argument]),
    );
    this.#socket.write(Buffer.concat(frames));
    return answers;
  }

  /** An idle helper does not keep this process. */
  setIdle(idle: boolean): void {
    if (idle) this.#socket.unref();
    else this.#socket.ref();
  }

  /** Lets it end when it has done what it does. */
  close(): void {
    this.#socket.destroy();
  }

  kill(): void {
    try {
      // Our child, not reaped yet: the number still means it.
      if (this.#lost === undefined) process.kill(this.#pid, 'SIGKILL');
    } catch {
      // It was gone already.
    }
    this.#socket.destroy();
  }

  /** `onLate` is called once if the process is not gone soon. */
  async reap(onLate: () => void): Promise<void> {
    const started = performance.now();
    let late = false;
    for (let wait = 1; ; wait = late ? REAP_LATER : wait * 2) {
      try {
        if (native().reap(this.#pid) !== undefined) break;
      } catch {
        break; // not our child any more
      }
      if (!late && performance.now() - started > REAP_SOON) {
        late = true;
        onLate();
      }
      await new Promise((resolve) => setTimeout(resolve, wait).unref());
    }
    this.#reaped();
  }

  #lose(): void {
    this.#lost ??= new GantryError({
      code: 'unavailable',
      operation: 'ask gantry-files',
      message: `the helper process ${nativeExecutable('gantry-files')} ended while it was asked`,
    });
    for (const waiter of this.#waiting.splice(0)) waiter.reject(this.#lost);
    this.#isLost();
  }
}
