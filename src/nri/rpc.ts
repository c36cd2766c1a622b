/** ttrpc, unary calls both ways over a plug-in's multiplexed socket. */
import { describeError, GantryError } from '../base/index.ts';
import { FrameReader, frameBytes, LONGEST_MESSAGE, REQUEST, RESPONSE } from './frames.ts';
import type { Mux } from './mux.ts';
import { decodeRequest, decodeResponse, encodeRequest, encodeResponse, type Status } from './wire.ts';

export const UNKNOWN = 2;
export const NOT_FOUND = 5;
export const RESOURCE_EXHAUSTED = 8;
export const UNIMPLEMENTED = 12;

/** What a call was answered with in place of a result. */
export class RemoteError extends Error {
  readonly code: number;

  constructor(status: Status) {
    super(status.message);
    this.name = 'RemoteError';
    this.code = status.code;
  }
}

type Settle = (outcome: { payload: Uint8Array } | { error: Error }) => void;

/** Calls into the service at the other end. */
export class RpcClient {
  readonly #mux: Mux;
  readonly #connection: number;
  readonly #calls = new Map<number, Settle>();
  #stream = 1;
  #gone: Error | undefined;

  constructor(mux: Mux, connection: number) {
    this.#mux = mux;
    this.#connection = connection;
    const reader = new FrameReader(({ stream, type, payload }) => {
      // An answer to nothing (any more) is nobody's; a request has no place on this connection.
      if (type === RESPONSE) this.#answer(stream, payload);
    });
    mux.receive(connection, (bytes) => guarded(mux, () => reader.take(bytes)));
    void mux.closed.then((reason) => this.#end(reason));
  }

  /**
   * `timeout` in milliseconds. Errors: RemoteError for what the service says; deadline-exceeded; unavailable when the
   * connection is gone; resource-exhausted for a message that is too long (nothing was sent then); data-loss.
   */
  async call(service: string, method: string, payload: Buffer, timeout: number): Promise<Uint8Array> {
    if (this.#gone !== undefined) throw this.#gone;
    const request = encodeRequest({ service, method, payload, timeoutNano: BigInt(timeout) * 1_000_000n });
    if (request.length > LONGEST_MESSAGE) {
      throw new GantryError({
        code: 'resource-exhausted',
        operation: 'call plug-in',
        subject: method,
        message: `${method} is ${request.length} bytes long; ${LONGEST_MESSAGE} are allowed`,
      });
    }
    const stream = this.#stream;
    this.#stream += 2;
    const result = this.#result(stream, method, timeout);
    this.#mux.send(this.#connection, frameBytes({ stream, type: REQUEST, payload: request }));
    return await result;
  }

  #result(stream: number, method: string, timeout: number): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#calls.delete(stream);
        const message = `${method} was not answered within ${timeout} ms`;
        reject(new GantryError({ code: 'deadline-exceeded', operation: 'call plug-in', message }));
      }, timeout);
      this.#calls.set(stream, (outcome) => {
        clearTimeout(timer);
        this.#calls.delete(stream);
        if ('error' in outcome) reject(outcome.error);
        else resolve(outcome.payload);
      });
    });
  }

  #answer(stream: number, bytes: Buffer): void {
    const settle = this.#calls.get(stream);
    if (settle === undefined) return;
    const { status, payload } = decodeResponse(bytes);
    if (status !== undefined && status.code !== 0) settle({ error: new RemoteError(status) });
    else settle({ payload: payload ?? Buffer.alloc(0) });
  }

  #end(reason: Error | undefined): void {
    this.#gone = new GantryError({
      code: 'unavailable',
      operation: 'call plug-in',
      message: 'the connection is closed',
      ...(reason === undefined ? {} : { cause: reason }),
    });
    for (const settle of [...this.#calls.values()]) settle({ error: this.#gone });
  }
}

/** Answers one method; what it throws becomes the call's status. */
export type Handler = (payload: Uint8Array) => Promise<Buffer>;

/** Requests that may be in work at once; whoever asks for more without waiting is cut off. */
const MOST_AT_ONCE = 64;

/** Serves one service's methods on a connection until the socket is gone. */
export function serveRpc(
  mux: Mux,
  connection: number,
  service: string,
  methods: Readonly<Record<string, Handler>>,
): void {
  let working = 0;
  const reader = new FrameReader(({ stream, type, payload }) => {
    if (type !== REQUEST) return;
    if (working >= MOST_AT_ONCE) throw new Error(`more than ${MOST_AT_ONCE} requests at once`);
    working += 1;
    void respond(payload, service, methods).then((answer) => {
      working -= 1;
      mux.send(connection, frameBytes({ stream, type: RESPONSE, payload: answer }));
    });
  });
  mux.receive(connection, (bytes) => guarded(mux, () => reader.take(bytes)));
}

/** Never rejects. */
async function respond(
  bytes: Buffer,
  service: string,
  methods: Readonly<Record<string, Handler>>,
): Promise<Buffer> {
  try {
    const request = decodeRequest(bytes);
    const handler = Object.hasOwn(methods, request.method) ? methods[request.method] : undefined;
    if (request.service !== service || handler === undefined) {
      const message = `there is no ${request.service}/${request.method} here`;
      return encodeResponse({ status: { code: UNIMPLEMENTED, message } });
    }
    return encodeResponse({ payload: await handler(request.payload) });
  } catch (error) {
    return encodeResponse({ status: { code: UNKNOWN, message: describeError(error) } });
  }
}

/** Bytes that make no sense end the connection. */
function guarded(mux: Mux, work: () => void): void {
  try {
    work();
  } catch (error) {
    mux.close(error instanceof Error ? error : new Error(String(error)));
  }
}
