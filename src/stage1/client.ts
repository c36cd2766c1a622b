/**
 * A pod's stage1 by its verbs, as `docs/stage1-contract.md` has them. One connection; streams have their own. Every verb
 * fails with Stage1Error (stage1's answer), unavailable (connection lost) or unimplemented (a stage1 of an older release);
 * idempotence is the contract's.
 */
import { deadlines, type OciProcess, type OciResources } from '../base/index.ts';
import { ControlConnection, type RequestOptions } from './connection.ts';
import { checkRequest, tooOld, type Verb } from './contract.ts';
import type {
  AppState,
  ExecExit,
  Hello,
  PodState,
  RequestOp,
  Response,
  Stage1Event,
  StreamName,
} from './protocol.ts';
import { isStage1Errno, Stage1Error } from './wire-error.ts';

const SIGKILL = 9;

/** Requests that only touch stage1's own state: an answer later than this means that it hangs. */
const prompt: RequestOptions = { timeout: deadlines.stage1 };
/** Requests that touch mounts, cgroups and images; slow disks are slow. */
const mounting = (signal?: AbortSignal): RequestOptions => ({
  timeout: deadlines.stage1Mounts,
  ...(signal && { signal }),
});

export interface ExecRequest {
  readonly appId: string;
  readonly execId: string;
  readonly process: OciProcess;
  /** Nanoseconds; 0n: none. */
  readonly timeout: bigint;
  readonly streams: readonly StreamName[];
  /** Whoever asks gives up: rejects at once, and the process is not started if it was not yet. */
  readonly signal?: AbortSignal;
}

/** By stage1's clock, which is ours: what starts later has nobody who waits for it. */
function notAfter(timeout: bigint): string {
  const patience = BigInt(deadlines.stage1) * 1_000_000n;
  const soonest = timeout > 0n && timeout < patience ? timeout : patience;
  return (process.hrtime.bigint() + soonest).toString();
}

export class Stage1Client {
  readonly #connection: ControlConnection;
  readonly #execs = new Map<string, (exit: ExecExit | undefined) => void>();
  #listener: (event: Stage1Event) => void = () => {};
  #hello: Hello | undefined;

  constructor(connection: ControlConnection) {
    this.#connection = connection;
    void connection.closed.then(() => {
      for (const settle of this.#execs.values()) settle(undefined);
      this.#execs.clear();
    });
  }

  static async connect(path: string): Promise<Stage1Client> {
    return new Stage1Client(await ControlConnection.connect(path));
  }

  /** Settles when the connection is gone; whether stage1 is gone too, its lock says. */
  get closed(): Promise<void> {
    return this.#connection.closed;
  }

  get isOpen(): boolean {
    return this.#connection.isOpen;
  }

  /** What stage1 has said of itself; undefined until it has. */
  get hello(): Hello | undefined {
    return this.#hello;
  }

  /** Events from now on, and those that came before. Ends of execs go to whoever started them, see `exec`. */
  listen(listener: (event: Stage1Event) => void): void {
    this.#listener = listener;
    this.#connection.listen((event) => this.#dispatch(event));
  }

  async subscribe(): Promise<void> {
    await this.#ask({ subscribe: {} }, prompt);
  }

  async getState(): Promise<PodState> {
    const { state } = await this.#ask({ getState: {} }, prompt);
    this.#hello = state?.hello ?? this.#hello;
    return state ?? { hello: null, ready: false, sandboxPid: 0, apps: [] };
  }

  async continuePod(): Promise<void> {
    await this.#ask({ continuePod: {} }, prompt);
  }

  /** `grace` in nanoseconds; answered when no process is left. `options.timeout` bounds a pod that cannot die. */
  async stopPod(grace: bigint, options: RequestOptions): Promise<readonly AppState[]> {
    const { stopped } = await this.#ask({ stopPod: { grace: grace.toString() } }, options);
    return stopped?.apps ?? [];
  }

  /** To the barrier; the process's pid. */
  async create(appId: string, signal?: AbortSignal): Promise<number> {
    const { created } = await this.#ask({ create: { appId } }, mounting(signal));
    return created?.pid ?? 0;
  }

  async continue(appId: string, signal?: AbortSignal): Promise<void> {
    await this.#ask({ continue: { appId } }, mounting(signal));
  }

  async start(appId: string): Promise<void> {
    await this.#ask({ start: { appId } }, mounting());
  }

  async kill(appId: string, signal: number, options: { all?: boolean; execId?: string } = {}): Promise<void> {
    const { all = false, execId = '' } = options;
    await this.#ask({ kill: { appId, signal, all, execId } }, prompt);
  }

  /** `signal` 0: the manifest's. Resolves when no process of the app is left. */
  async stop(appId: string, grace: bigint, signal: number, options: RequestOptions): Promise<void> {
    await this.#ask({ stop: { appId, grace: grace.toString(), signal } }, options);
  }

  async delete(appId: string): Promise<void> {
    await this.#ask({ delete: { appId } }, { timeout: deadlines.stopContainer });
  }

  async update(appId: string, resources: OciResources): Promise<void> {
    const resourcesJson = Buffer.from(JSON.stringify(resources));
    await this.#ask({ update: { appId, resourcesJson } }, prompt);
  }

  async reopenLog(appId: string): Promise<void> {
    await this.#ask({ reopenLog: { appId } }, prompt);
  }

  async resize(appId: string, execId: string, rows: number, columns: number): Promise<void> {
    await this.#ask({ resize: { appId, execId, rows, columns } }, prompt);
  }

  /**
   * Starts a process in a running app. Resolves once it runs; `exited` then resolves with its end, or with undefined when
   * the connection was lost before (stage1 died, or this server's connection did).
   */
  async exec(request: ExecRequest): Promise<{ pid: number; exited: Promise<ExecExit | undefined> }> {
    const { appId, execId, timeout, streams } = request;
    // Registered first: a short process may have ended before its start is answered.
    const exited = new Promise<ExecExit | undefined>((resolve) => this.#execs.set(execId, resolve));
    try {
      const processJson = Buffer.from(JSON.stringify(request.process));
      const op = {
        appId,
        execId,
        processJson,
        timeout: timeout.toString(),
        streams,
        notAfter: notAfter(timeout),
      };
      const options = { ...prompt, ...(request.signal && { signal: request.signal }) };
      const { execStarted } = await this.#ask({ exec: op }, options);
      return { pid: execStarted?.pid ?? 0, exited };
    } catch (error) {
      this.#execs.delete(execId);
      // No answer in time: it must not run later. An answer of stage1's own says that it does not.
      if (!(error instanceof Stage1Error))
        this.kill(appId, SIGKILL, { all: true, execId }).catch(() => undefined);
      throw error;
    }
  }

  close(): void {
    this.#connection.close();
  }

  /** Errors: unimplemented for what this stage1 does not know, by its version or by its answer. */
  async #ask(op: RequestOp, options: RequestOptions): Promise<Response> {
    const verb = Object.keys(op)[0] as Verb;
    checkRequest(this.#hello, verb);
    try {
      return await this.#connection.request(op, options);
    } catch (error) {
      throw isStage1Errno(error, 'ENOSYS') ? tooOld(this.#hello, `the request "${verb}"`) : error;
    }
  }

  #dispatch(event: Stage1Event): void {
    this.#hello = event.hello ?? this.#hello;
    if (event.execExited === undefined) {
      this.#listener(event);
      return;
    }
    this.#execs.get(event.execExited.execId)?.(event.execExited);
    this.#execs.delete(event.execExited.execId);
  }
}
