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

const ok = { code: status.OK, details: '' } as const;

/** The one way into a unary RPC: decodes, gives it a deadline, logs it once, answers with a status whatever happens. */
export function wrapUnary(
  method: Method,
  run: UnaryFunction,
  context: WrapperContext,
): handleUnaryCall<Buffer, Buffer> {
  const request = codec(method.request);
  const response = codec(method.response);
  const watch = new Watch(method.name, context);
  const work = async (wire: WireCall, call: Call): Promise<Buffer> =>
    response.encode(await run(request.decode(wire.request), call));
  return (wire, answer) => {
    const scope = new CallScope(watch, wire);
    void work(wire, scope).then(
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
  const watch = new Watch(method.name, context);
  return (wire) => {
    const scope = new CallScope(watch, wire);
    const { signal } = scope;
    const work = async (): Promise<void> => {
      for await (const item of run(request.decode(wire.request), scope)) {
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

/** What every call of one method shares. */
class Watch {
  readonly name: string;
  readonly isQuiet: boolean;
  readonly context: WrapperContext;

  constructor(name: string, context: WrapperContext) {
    this.name = name;
    this.isQuiet = quiet.test(name);
    this.context = context;
  }
}

/**
 * One call from its arrival to its answer. Its logger, signal and timer are made when a handler first asks for them: a call
 * that reads memory needs none, and they cost more than its work.
 */
class CallScope implements Call {
  readonly #watch: Watch;
  readonly #wire: WireCall;
  readonly #started = performance.now();
  readonly #request = ++serial;
  #log: Logger | undefined;
  #abort: AbortController | undefined;
  #release: (() => void) | undefined;
  #isOver = false;

  constructor(watch: Watch, wire: WireCall) {
    this.#watch = watch;
    this.#wire = wire;
  }

  get log(): Logger {
    this.#log ??= this.#watch.context.log.child({ rpc: this.#watch.name, request: this.#request });
    return this.#log;
  }

  get signal(): AbortSignal {
    this.#abort ??= this.#listen();
    return this.#abort.signal;
  }

  #listen(): AbortController {
    const abort = new AbortController();
    const { name, context } = this.#watch;
    const stop = (code: 'deadline-exceeded' | 'unavailable' | 'cancelled', message: string): void => {
      // grpc-js says 'cancelled' after every answer too.
      if (!this.#isOver)
        abort.abort(new GantryError({ code, operation: name, message: `${name}: ${message}` }));
    };
    const deadline = Number(this.#wire.getDeadline());
    const onDeadline = (): void => stop('deadline-exceeded', "the caller's deadline has passed");
    const onShutdown = (): void => stop('unavailable', 'the server is shutting down');
    const onCancelled = (): void => {
      // A client that gives up at its own deadline says so a little before our clock does.
      if (Date.now() >= deadline - clockDifference) onDeadline();
      else stop('cancelled', 'the caller has gone away');
    };
    const left = Math.max(deadline - Date.now(), 0);
    const timer = left <= longestTimer ? setTimeout(onDeadline, left) : undefined;
    this.#wire.on('cancelled', onCancelled);
    context.shutdown.addEventListener('abort', onShutdown, { once: true });
    this.#release = () => {
      clearTimeout(timer);
      context.shutdown.removeEventListener('abort', onShutdown);
    };
    if (this.#wire.cancelled) onCancelled();
    else if (context.shutdown.aborted) onShutdown();
    return abort;
  }

  /** Logs the call, once, and gives the status to answer with. */
  end(error: unknown): { code: status; details: string } {
    this.#isOver = true;
    this.#release?.();
    const answer = error === undefined ? ok : rpcStatus(error);
    const milliseconds = performance.now() - this.#started;
    const code = status[answer.code] ?? `${answer.code}`;
    this.#watch.context.observe(this.#watch.name, code, milliseconds / 1000);
    const level = this.#level(answer.code);
    const { log } = this.#watch.context;
    if (!log.isLevelEnabled(level)) return answer;
    const fields = {
      rpc: this.#watch.name,
      request: this.#request,
      code,
      ms: Math.round(milliseconds * 10) / 10,
      ...(level === 'error' ? { err: error } : {}),
    };
    log[level](fields, error === undefined ? 'done' : answer.details);
    return answer;
  }

  /** Also at debug: answers that clients provoke all day long. The kubelet asks for statuses of what it has just removed. */
  #level(code: status): 'debug' | 'info' | 'warn' | 'error' {
    if (code === status.OK) return this.#watch.isQuiet ? 'debug' : 'info';
    if (code === status.INTERNAL) return 'error';
    const isOrdinary = code === status.CANCELLED || (code === status.NOT_FOUND && this.#watch.isQuiet);
    return isOrdinary ? 'debug' : 'warn';
  }
}
