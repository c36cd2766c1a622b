import { once } from 'node:events';
import {
  type handleServerStreamingCall,
  type handleUnaryCall,
  type ServerUnaryCall,
  type ServerWritableStream,
  status,
} from '@grpc/grpc-js';
import { GantryError, type Logger } from '../base/index.ts';
import type { MessageName, Messages } from '../cri-types/index.ts';
import type { Call } from './context.ts';
import { rpcStatus } from './status-code.ts';
import { codec } from './wire.ts';

/** Whoever counts calls: metrics. */
export type RpcObserver = (rpc: string, code: string, seconds: number) => void;

/** What every call of a server shares. */
export interface WrapperContext {
  readonly log: Logger;
  readonly observe: RpcObserver;
  /** Aborts when the server gives up on calls in flight (shutdown). */
  readonly shutdown: AbortSignal;
}

/** How one RPC is called, with its messages' names. */
export interface Method {
  readonly name: string;
  readonly request: MessageName;
  readonly response: MessageName;
}

type WireCall = ServerUnaryCall<Buffer, Buffer> | ServerWritableStream<Buffer, Buffer>;
type AnyMessage = Messages[MessageName];
export type UnaryFunction = (request: AnyMessage, call: Call) => Promise<object>;
export type StreamFunction = (request: AnyMessage, call: Call) => AsyncIterable<object>;

/** A timer cannot wait longer; a deadline beyond it, or none at all, is as good as none. */
const longestTimer = 2 ** 31 - 1;

/** Milliseconds: a deadline travels as a duration, and arrives a little late. */
const clockDifference = 50;

let serial = 0;

/** The one way into a unary RPC: decodes, gives it a deadline, logs it once, answers with a status whatever happens. */
export function wrapUnary(
  method: Method,
  run: UnaryFunction,
  context: WrapperContext,
): handleUnaryCall<Buffer, Buffer> {
  const request = codec(method.request);
  const response = codec(method.response);
  return (wire, answer) => {
    const scope = new CallScope(method.name, wire, context);
    const work = async (): Promise<Buffer> =>
      response.encode(await run(request.decode(wire.request), scope.call));
    void work().then(
      (bytes) => {
        scope.end(undefined);
        answer(null, bytes);
      },
      (error: unknown) => answer(scope.end(error)),
    );
  };
}

/** The same for a server stream. Responses are asked for no faster than the client takes them. */
export function wrapStream(
  method: Method,
  run: StreamFunction,
  context: WrapperContext,
): handleServerStreamingCall<Buffer, Buffer> {
  const request = codec(method.request);
  const response = codec(method.response);
  return (wire) => {
    const scope = new CallScope(method.name, wire, context);
    const { signal } = scope.call;
    const work = async (): Promise<void> => {
      for await (const item of run(request.decode(wire.request), scope.call)) {
        if (signal.aborted) break;
        if (!wire.write(response.encode(item))) await once(wire, 'drain', { signal });
      }
      signal.throwIfAborted();
    };
    void work().then(
      () => {
        scope.end(undefined);
        wire.end();
      },
      (error: unknown) => wire.emit('error', scope.end(signal.aborted ? signal.reason : error)),
    );
  };
}

/** Calls that only look: logged at debug, or a node's log would be nothing else. */
const quiet =
  /^(List|Stream|Version|Status|RuntimeConfig|ImageFsInfo|ImageStatus|ContainerStat|PodSandboxStat)/;

/** One call from its arrival to its answer. */
class CallScope {
  readonly call: Call;
  readonly #name: string;
  readonly #observe: RpcObserver;
  readonly #started = performance.now();
  readonly #abort = new AbortController();
  readonly #release: () => void;

  constructor(name: string, wire: WireCall, context: WrapperContext) {
    this.#name = name;
    this.#observe = context.observe;
    this.call = { signal: this.#abort.signal, log: context.log.child({ rpc: name, request: ++serial }) };
    const deadline = Number(wire.getDeadline());
    const left = deadline - Date.now();
    const onDeadline = (): void =>
      this.#stop('deadline-exceeded', `${name}: the caller's deadline has passed`);
    const timer = left <= longestTimer ? setTimeout(onDeadline, left) : undefined;
    const onShutdown = (): void => this.#stop('unavailable', `${name}: the server is shutting down`);
    wire.on('cancelled', () => {
      // A client that gives up at its own deadline says so a little before our clock does.
      if (Date.now() >= deadline - clockDifference) onDeadline();
      else this.#stop('cancelled', `${name}: the caller has gone away`);
    });
    context.shutdown.addEventListener('abort', onShutdown, { once: true });
    this.#release = () => {
      clearTimeout(timer);
      context.shutdown.removeEventListener('abort', onShutdown);
    };
  }

  #stop(code: 'deadline-exceeded' | 'unavailable' | 'cancelled', message: string): void {
    this.#abort.abort(new GantryError({ code, operation: this.#name, message }));
  }

  /** Answers that clients provoke all day long: the kubelet asks for statuses of what it has just removed. */
  #isOrdinary(code: status): boolean {
    return code === status.CANCELLED || (code === status.NOT_FOUND && quiet.test(this.#name));
  }

  /** Logs the call, once, and gives the status to answer with. */
  end(error: unknown): { code: status; details: string } {
    this.#release();
    const answer = error === undefined ? { code: status.OK, details: '' } : rpcStatus(error);
    const milliseconds = performance.now() - this.#started;
    const code = status[answer.code] ?? `${answer.code}`;
    this.#observe(this.#name, code, milliseconds / 1000);
    const fields = { code, ms: Math.round(milliseconds * 10) / 10 };
    if (error === undefined) this.call.log[quiet.test(this.#name) ? 'debug' : 'info'](fields, 'done');
    else if (answer.code === status.INTERNAL) this.call.log.error({ ...fields, err: error }, answer.details);
    else this.call.log[this.#isOrdinary(answer.code) ? 'debug' : 'warn'](fields, answer.details);
    return answer;
  }
}
