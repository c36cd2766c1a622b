/** Commands in a running container whose output the caller waits for. */
import type { Socket } from 'node:net';
import { GantryError, newId } from '../../base/index.ts';
import { execProcess } from '../../security/index.ts';
import type { ExecExit, Stage1Client } from '../../stage1/index.ts';
import { execSpec } from '../resource/app.ts';
import type { PodService } from '../service.ts';
import type { Container } from '../store/sandbox.ts';

/**
 * Bytes kept of both streams together, since the kubelet takes no message above 16 MiB; more is read, so that the command
 * does not block, and dropped.
 */
const OUTPUT_LIMIT = (16 << 20) - (64 << 10);
/** Milliseconds for the streams to end once the command's end was reported: everything was handed over by then. */
const DRAIN = 5_000;
const SIGKILL = 9;

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

/** Errors: failed-precondition when the container does not run, deadline-exceeded, stage1's. Leaves no process behind. */
export async function execSync(
  pods: PodService,
  container: Container,
  options: ExecSyncOptions,
): Promise<ExecSyncResult> {
  requireRunning(container, 'exec');
  const client = container.sandbox.requireClient('exec');
  const process = execProcess(execSpec(container), options.cmd, false);
  const execId = newId();
  const { controlSocket } = container.sandbox.directory;
  const room = { left: OUTPUT_LIMIT };
  const open = (stream: 'STDOUT' | 'STDERR'): Promise<Output> =>
    pods.control
      .openStream(controlSocket, container.id, execId, stream)
      .then((socket) => new Output(socket, room));
  const timeout = (options.timeout > 0n ? options.timeout : 0n) * 1_000_000_000n;
  // The streams and the request cross: stage1 starts the command when all three are there.
  const [stdout, stderr, started] = await Promise.allSettled([
    open('STDOUT'),
    open('STDERR'),
    client.exec({ appId: container.id, execId, process, timeout, streams: ['STDOUT', 'STDERR'] }),
  ]);
  const outputs = [stdout, stderr].flatMap((o) => (o.status === 'fulfilled' ? [o.value] : []));
  try {
    if (started.status === 'rejected') throw started.reason;
    if (stdout.status === 'rejected') throw stdout.reason;
    if (stderr.status === 'rejected') throw stderr.reason;
    const exit = await ended(client, container, execId, started.value.exited, options);
    await Promise.all([stdout.value.drained(), stderr.value.drained()]);
    return { stdout: stdout.value.bytes(), stderr: stderr.value.bytes(), exitCode: exit.exitCode };
  } finally {
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

/** The command's end; a caller that goes away takes it along. */
async function ended(
  client: Stage1Client,
  container: Container,
  execId: string,
  exited: Promise<ExecExit | undefined>,
  options: ExecSyncOptions,
): Promise<ExecExit> {
  const kill = (): void => {
    // Already ended, or stage1 is gone: then there is nothing to kill.
    client.kill(container.id, SIGKILL, { all: true, execId }).catch(() => {});
  };
  if (options.signal.aborted) kill();
  options.signal.addEventListener('abort', kill, { once: true });
  const exit = await exited.finally(() => options.signal.removeEventListener('abort', kill));
  if (exit === undefined) {
    throw new GantryError({
      code: 'unavailable',
      operation: 'exec',
      subject: container.id,
      message: `the stage1 of container ${container.id} was lost while the command ran`,
    });
  }
  if (options.signal.aborted) options.signal.throwIfAborted();
  if (exit.timedOut) {
    throw new GantryError({
      code: 'deadline-exceeded',
      operation: 'exec',
      subject: container.id,
      message: `command ${JSON.stringify(options.cmd[0] ?? '')} in container ${container.id} timed out: timeout ${options.timeout}s exceeded; it was killed`,
    });
  }
  return exit;
}

/** What came out of one stream, as long as there is room. */
class Output {
  readonly #socket: Socket;
  readonly #chunks: Buffer[] = [];
  readonly #ended: Promise<void>;

  constructor(socket: Socket, room: { left: number }) {
    this.#socket = socket;
    this.#ended = new Promise((resolve) => socket.once('close', () => resolve()));
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
      timer = setTimeout(resolve, DRAIN);
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
