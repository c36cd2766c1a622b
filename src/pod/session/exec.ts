/** Commands in a running container whose output the caller waits for. */
import type { Socket } from 'node:net';
import { deadlines, GantryError, newId } from '../../base/index.ts';
import { execProcess } from '../../security/index.ts';
import type { ExecExit, Stage1Client } from '../../stage1/index.ts';
import type { Container } from '../store/sandbox.ts';
import { type ControlHost, endOfExec, startExec } from './start.ts';

/**
 * Bytes kept of both streams together, since the kubelet takes no message above 16 MiB; more is read, so that the command
 * does not block, and dropped.
 */
const OUTPUT_LIMIT = (16 << 20) - (64 << 10);
const SIGKILL = 9;
/** A timer cannot wait longer. */
const LONGEST_TIMER = 2 ** 31 - 1;

export interface ExecSyncOptions {
  readonly cmd: readonly string[];
  /** Seconds; 0n: none. */
  readonly timeout: bigint;
  readonly signal: AbortSignal;
}

export interface ExecSyncResult {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly exitCode: number;
}

/**
 * Errors: failed-precondition when the container does not run, stage1's; deadline-exceeded when the time-out passes, by stage1's
 * word or, if it says nothing, a little later; the signal's reason. Leaves no process behind, nor one that would start later.
 */
export async function execSync(
  host: ControlHost,
  container: Container,
  options: ExecSyncOptions,
): Promise<ExecSyncResult> {
  requireRunning(container, 'exec');
  const client = container.sandbox.requireClient('exec');
  const room = { left: OUTPUT_LIMIT };
  const limit = new ExecLimit(container, options);
  const execId = newId();
  const outputs: Output[] = [];
  try {
    const { sockets, exited } = await startExec(host, container, {
      execId,
      process: execProcess(container.processDocument(), options.cmd, false),
      timeout: (options.timeout > 0n ? options.timeout : 0n) * 1_000_000_000n,
      streams: ['STDOUT', 'STDERR'],
      signal: limit.signal,
    });
    for (const socket of sockets.values()) outputs.push(new Output(socket, room));
    const exit = await ended(client, container, execId, exited, limit);
    await Promise.all(outputs.map((output) => output.drained()));
    const [stdout, stderr] = outputs.map((output) => output.bytes());
    return { stdout: stdout ?? Buffer.alloc(0), stderr: stderr ?? Buffer.alloc(0), exitCode: exit.exitCode };
  } finally {
    limit.end();
    for (const output of outputs) output.close();
  }
}

/** Errors: failed-precondition. */
export function requireRunning(container: Container, operation: string): void {
  const { kind } = container.state;
  if (kind === 'running') return;
  throw new GantryError({
    code: 'failed-precondition',
    operation,
    subject: container.id,
    message: `container ${container.id} is ${kind}, not running`,
  });
}

/** When a command is no longer waited for: its caller has gone, or stage1 is silent after the time-out. */
class ExecLimit {
  readonly signal: AbortSignal;
  readonly #abort = new AbortController();
  readonly #caller: AbortSignal;
  readonly #container: Container;
  readonly #options: ExecSyncOptions;
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #onCaller = (): void => this.#abort.abort(this.#caller.reason);

  constructor(container: Container, options: ExecSyncOptions) {
    this.#container = container;
    this.#options = options;
    this.#caller = options.signal;
    this.signal = this.#abort.signal;
    if (this.#caller.aborted) this.#onCaller();
    this.#caller.addEventListener('abort', this.#onCaller, { once: true });
    const milliseconds = Number(options.timeout) * 1000 + deadlines.execEnd;
    if (options.timeout > 0n && milliseconds < LONGEST_TIMER)
      this.#timer = setTimeout(
        () => this.#abort.abort(this.timedOut('stage1 does not answer')),
        milliseconds,
      );
  }

  timedOut(what: string): GantryError {
    const { cmd, timeout } = this.#options;
    return new GantryError({
      code: 'deadline-exceeded',
      operation: 'exec',
      subject: this.#container.id,
      message: `command ${JSON.stringify(cmd[0] ?? '')} in container ${this.#container.id} timed out: timeout ${timeout}s exceeded; ${what}`,
    });
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#caller.removeEventListener('abort', this.#onCaller);
  }
}

/** The command's end; a caller that goes away takes it along, and waits no longer than a killed process may take. */
async function ended(
  client: Stage1Client,
  container: Container,
  execId: string,
  exited: Promise<ExecExit | undefined>,
  limit: ExecLimit,
): Promise<ExecExit> {
  const { signal } = limit;
  const exit = await endOfExec(exited, signal, deadlines.execEnd, () => {
    // Already ended, or stage1 is gone: then there is nothing to kill.
    client.kill(container.id, SIGKILL, { all: true, execId }).catch(() => {});
  });
  if (exit === undefined) {
    throw new GantryError({
      code: 'unavailable',
      operation: 'exec',
      subject: container.id,
      message: `the stage1 of container ${container.id} was lost while the command ran`,
    });
  }
  signal.throwIfAborted();
  if (exit.timedOut) throw limit.timedOut('it was killed');
  return exit;
}

/** What came out of one stream, as long as there is room. */
class Output {
  readonly #socket: Socket;
  readonly #chunks: Buffer[] = [];
  readonly #ended: Promise<void>;

  constructor(socket: Socket, room: { left: number }) {
    this.#socket = socket;
    this.#ended = new Promise((resolve) => {
      if (socket.closed) resolve();
      socket.once('close', () => resolve());
    });
    // A broken stream ends like any other; what had come is kept.
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      if (room.left <= 0) return;
      const part = chunk.length > room.left ? chunk.subarray(0, room.left) : chunk;
      this.#chunks.push(part);
      room.left -= part.length;
    });
  }

  async drained(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, deadlines.execDrain);
    });
    await Promise.race([this.#ended, late]).finally(() => clearTimeout(timer));
  }

  bytes(): Buffer {
    const [only, ...more] = this.#chunks;
    return only !== undefined && more.length === 0 ? only : Buffer.concat(this.#chunks);
  }

  close(): void {
    this.#socket.destroy();
  }
}
