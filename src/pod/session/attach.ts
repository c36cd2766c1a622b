/** Interactive commands and attachments: a client's streams joined with those of a process, as long as both live. */
import type { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { deadlines, GantryError, newId } from '../../base/index.ts';
import { execProcess } from '../../security/index.ts';
import type { StreamName } from '../../stage1/index.ts';
import type { Container } from '../store/sandbox.ts';
import { requireRunning } from './exec.ts';
import { type ControlHost, endOfExec, openStreams, startExec } from './start.ts';

/** What a client has opened; see `streaming/`, whose sessions have this shape. */
export interface ClientIo {
  readonly stdin: Readable | undefined;
  readonly stdout: Writable | undefined;
  readonly stderr: Writable | undefined;
  onResize(listener: (size: { readonly rows: number; readonly columns: number }) => void): void;
  readonly signal: AbortSignal;
  /** Aborts, with an error, when the server ends. */
  readonly ending: AbortSignal;
}

const SIGHUP = 1;
const SIGKILL = 9;

/**
 * Runs a command with a client's streams; its exit code. A client that goes away hangs it up, as a lost terminal would:
 * nobody could ever read or end it again. The server's own end leaves it alone (docs/decisions 0004). Errors: failed-precondition when the
 * container does not run, stage1's; the signal's reason, where the client has gone and stage1 does not say that the command has ended; that
 * of `ending`.
 */
export async function execSession(
  host: ControlHost,
  container: Container,
  command: { readonly cmd: readonly string[]; readonly tty: boolean },
  io: ClientIo,
): Promise<number> {
  requireRunning(container, 'exec');
  const client = container.sandbox.requireClient('exec');
  const execId = newId();
  const { sockets, exited } = await startExec(host, container, {
    execId,
    process: execProcess(container.processDocument(), command.cmd, command.tty),
    timeout: 0n,
    streams: wantedStreams(io),
    signal: io.signal,
  });
  const hangUp = (): void => {
    const kill = (signal: number): Promise<void> => client.kill(container.id, signal, { all: true, execId });
    // Whatever fails here has ended already.
    kill(SIGHUP).catch(() => undefined);
    setTimeout(() => kill(SIGKILL).catch(() => undefined), deadlines.hangUp).unref();
  };
  try {
    if (command.tty) followSize(io, (rows, columns) => client.resize(container.id, execId, rows, columns));
    const outputs = join(sockets, io);
    const end = endOfExec(exited, io.signal, deadlines.hangUp + deadlines.execEnd, hangUp);
    const exit = await unless(io.ending, end);
    await outputs;
    if (exit !== undefined) return exit.exitCode;
    throw new GantryError({
      code: 'unavailable',
      operation: 'exec',
      subject: container.id,
      message: `the stage1 of container ${container.id} was lost while the command ran`,
    });
  } finally {
    for (const socket of sockets.values()) socket.destroy();
  }
}

/**
 * Joins a client with a container's own streams until the container ends or the client leaves. The container notices
 * neither, except that its stdin may end (CRI's stdin_once). Where it does not, the end of the client's stdin is the
 * client's leave, as with containerd and CRI-O: `kubectl attach -i <file` would wait for ever. Errors: failed-precondition when it does not run;
 * that of `ending`.
 */
export async function attachSession(
  host: ControlHost,
  container: Container,
  tty: boolean,
  io: ClientIo,
): Promise<void> {
  requireRunning(container, 'attach');
  const client = container.sandbox.requireClient('attach');
  const sockets = await openStreams(host, container, '', wantedStreams(io), io.signal);
  const leave = (): void => {
    for (const socket of sockets.values()) socket.destroy();
  };
  io.signal.addEventListener('abort', leave, { once: true });
  try {
    if (io.signal.aborted) return;
    if (tty) followSize(io, (rows, columns) => client.resize(container.id, '', rows, columns));
    const { stdinOnce } = container.record.config;
    const left = stdinOnce && !tty ? join(sockets, io) : Promise.race([stdinEnded(io), join(sockets, io)]);
    await unless(io.ending, left);
  } finally {
    io.signal.removeEventListener('abort', leave);
    leave();
  }
}

/** `work`, or the signal's reason as soon as it aborts; the work's later end is nobody's concern. */
async function unless<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  work.catch(() => undefined);
  return await Promise.race([work, aborted]).finally(() => signal.removeEventListener('abort', onAbort));
}

/** Settles a moment after the client has ended its stdin, so that the answer to its last line still arrives. */
async function stdinEnded({ stdin }: ClientIo): Promise<void> {
  await new Promise<void>((resolve) => void stdin?.once('end', resolve));
  await sleep(deadlines.attachAnswer);
}

function wantedStreams(io: ClientIo): StreamName[] {
  const wanted: StreamName[] = [];
  if (io.stdin !== undefined) wanted.push('STDIN');
  if (io.stdout !== undefined) wanted.push('STDOUT');
  if (io.stderr !== undefined) wanted.push('STDERR');
  return wanted;
}

/**
 * Resolves when every output has ended; with none, when stdin's connection has. The client's own streams are left open for
 * what is still to be said on them.
 */
async function join(sockets: ReadonlyMap<StreamName, Socket>, io: ClientIo): Promise<void> {
  const stdin = sockets.get('STDIN');
  // A broken pipe is how a process says that it reads no more; the client hears of its end by other means.
  const fed = stdin && io.stdin && carry(io.stdin, stdin);
  const outputs: Promise<void>[] = [];
  for (const [name, target] of [
    ['STDOUT', io.stdout],
    ['STDERR', io.stderr],
  ] as const) {
    const source = sockets.get(name);
    if (source === undefined || target === undefined) continue;
    outputs.push(carry(source, target, { end: false }));
  }
  if (outputs.length > 0) await Promise.all(outputs);
  else await fed;
}

/**
 * Settles when the bytes end on either side, and leaves neither side waiting for the other: pipeline() itself refuses a
 * stream that the client has reset already, and keeps the other one open.
 */
async function carry(source: Readable, target: Writable, options: { end?: boolean } = {}): Promise<void> {
  try {
    await pipeline(source, target, options);
  } catch {
    source.destroy();
    if (options.end !== false) target.destroy();
  }
}

function followSize(io: ClientIo, resize: (rows: number, columns: number) => Promise<void>): void {
  // A terminal that is gone needs no size.
  io.onResize(({ rows, columns }) => resize(rows, columns).catch(() => undefined));
}
