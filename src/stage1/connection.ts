/**
 * One control connection to a stage1: requests matched to answers by id, events to one listener, loss reported once to
 * everybody who waits.
 */
import { createConnection, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { deadlines, errno, GantryError } from '../base/index.ts';
import { FrameReader } from './framing.ts';
import {
  decodeFrame,
  encodeRequest,
  MAX_FRAME,
  type RequestOp,
  type Response,
  type Stage1Event,
} from './protocol.ts';
import { Stage1Error } from './wire-error.ts';

interface Waiter {
  readonly resolve: (response: Response) => void;
  readonly reject: (error: Error) => void;
}

export interface RequestOptions {
  /** Milliseconds until the request fails with deadline-exceeded; absent: it waits for as long as the connection lasts. */
  readonly timeout?: number;
  /** Fails the request with the signal's reason; what stage1 does is not disturbed. */
  readonly signal?: AbortSignal;
}

/**
 * A connected stream socket at `path`. Errors: unavailable, when nobody listens there. One that has no room for a client more (the
 * kernel says so at once) is asked again until the deadline: it accepts the others first.
 */
export async function connectSocket(path: string): Promise<Socket> {
  const deadline = performance.now() + deadlines.connect;
  for (let pause = 1; ; pause = Math.min(pause * 2, 50)) {
    try {
      return await connectOnce(path);
    } catch (error) {
      const full = error instanceof GantryError && errno(error.cause) === 'EAGAIN';
      if (!full || performance.now() > deadline) throw error;
      await sleep(pause);
    }
  }
}

function connectOnce(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ path });
    const timer = setTimeout(
      () => socket.destroy(new Error(`no answer in ${deadlines.connect} ms`)),
      deadlines.connect,
    );
    socket.once('error', (cause) => {
      clearTimeout(timer);
      reject(
        new GantryError({
          code: 'unavailable',
          operation: 'connect to stage1',
          subject: path,
          message: `stage1 does not answer at ${path}`,
          cause,
        }),
      );
    });
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.removeAllListeners('error');
      resolve(socket);
    });
  });
}

export class ControlConnection {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiter>();
  readonly #early: Stage1Event[] = [];
  #listener: ((event: Stage1Event) => void) | undefined;
  #lost: GantryError | undefined;
  #nextId = 1;
  /** Settles, never rejects, when the connection is gone, whoever ended it. */
  readonly closed: Promise<void>;

  constructor(socket: Socket) {
    this.#socket = socket;
    const reader = new FrameReader(MAX_FRAME, (body) => this.#receive(body));
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('data', (chunk: Buffer) => {
      try {
        reader.push(chunk);
      } catch (error) {
        socket.destroy(error instanceof Error ? error : new Error(String(error)));
      }
    });
    // An 'error' is followed by 'close'; the reason is kept for those who wait.
    socket.on('error', (cause) => this.#lose(cause));
    socket.once('close', () => this.#lose(undefined));
  }

  /** The parent's end of the pair that stage1 inherited. Takes the descriptor over. */
  static adopt(fd: number): ControlConnection {
    return new ControlConnection(new Socket({ fd, readable: true, writable: true }));
  }

  /** Through the socket in the file system, as a restarted server does. */
  static async connect(path: string): Promise<ControlConnection> {
    return new ControlConnection(await connectSocket(path));
  }

  /** One listener; events that came before it are delivered at once, in order. */
  listen(listener: (event: Stage1Event) => void): void {
    this.#listener = listener;
    for (const event of this.#early.splice(0)) listener(event);
  }

  get isOpen(): boolean {
    return this.#lost === undefined;
  }

  /** Sends and waits for the answer. Errors: Stage1Error from stage1, unavailable when the connection is lost. */
  request(op: RequestOp, options: RequestOptions = {}): Promise<Response> {
    const verb = Object.keys(op)[0] ?? '';
    if (this.#lost !== undefined) return Promise.reject(this.#lost);
    const id = this.#nextId++;
    return new Promise<Response>((resolve, reject) => {
      const settle = this.#guard(id, verb, options, reject);
      this.#waiting.set(id, {
        resolve: (response) => {
          settle();
          resolve(response);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      });
      this.#socket.write(encodeRequest(id, op));
    });
  }

  /** Ends the connection; stage1 and its pod go on. */
  close(): void {
    this.#socket.destroy();
  }

  /** Arms time-out and signal of one request; the function that it returns disarms them. */
  #guard(id: number, verb: string, options: RequestOptions, reject: (error: Error) => void): () => void {
    const { timeout, signal } = options;
    const give = (error: unknown): void => {
      this.#waiting.delete(id);
      disarm();
      reject(error instanceof Error ? error : new Error(String(error)));
    };
    const onTimeout = (): void => {
      const message = `stage1 did not answer ${verb} in ${timeout} ms`;
      give(new GantryError({ code: 'deadline-exceeded', operation: `stage1 ${verb}`, message }));
    };
    const onAbort = (): void => give(signal?.reason);
    const timer = timeout === undefined ? undefined : setTimeout(onTimeout, timeout);
    const disarm = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    // After the caller has registered itself.
    if (signal?.aborted) queueMicrotask(onAbort);
    return disarm;
  }

  #receive(body: Buffer): void {
    const frame = decodeFrame(body);
    if (frame.response !== undefined) {
      const id = Number(frame.response.id);
      const waiter = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (frame.response.error) waiter?.reject(new Stage1Error(frame.response.error));
      else waiter?.resolve(frame.response);
    } else if (frame.event !== undefined) {
      if (this.#listener === undefined) this.#early.push(frame.event);
      else this.#listener(frame.event);
    }
  }

  #lose(cause: Error | undefined): void {
    if (this.#lost !== undefined) return;
    this.#lost = new GantryError({
      code: 'unavailable',
      operation: 'talk to stage1',
      message: 'the connection to the pod’s stage1 was lost',
      ...(cause === undefined ? {} : { cause }),
    });
    for (const waiter of this.#waiting.values()) waiter.reject(this.#lost);
    this.#waiting.clear();
  }
}
