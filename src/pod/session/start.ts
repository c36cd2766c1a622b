/** The beginning of a session: connections to stage1, a stream each, and the command that they belong to. */
import type { Socket } from 'node:net';
import type { Control, ExecExit, ExecRequest, StreamName } from '../../stage1/index.ts';
import type { Container } from '../store/sandbox.ts';

const SIGKILL = 9;

/** What sessions need of the server. */
export interface ControlHost {
  readonly control: Control;
}

export interface StartedExec {
  /** In the order of the streams asked for. */
  readonly sockets: ReadonlyMap<StreamName, Socket>;
  readonly exited: Promise<ExecExit | undefined>;
}

/**
 * Opens the streams and starts the command. They cross: stage1 starts it when all of them are there. When it throws, the command
 * does not run, or is killed, and no stream is open. Errors: those of `Control.openStream` and `Stage1Client.exec`.
 */
export async function startExec(
  host: ControlHost,
  container: Container,
  request: Omit<ExecRequest, 'appId'> & { readonly signal: AbortSignal },
): Promise<StartedExec> {
  const { execId, streams, signal } = request;
  const client = container.sandbox.requireClient('exec');
  const [opened, started] = await Promise.allSettled([
    openStreams(host, container, execId, streams, signal),
    client.exec({ appId: container.id, ...request }),
  ]);
  if (opened.status === 'fulfilled' && started.status === 'fulfilled')
    return { sockets: opened.value, exited: started.value.exited };
  if (opened.status === 'fulfilled') for (const socket of opened.value.values()) socket.destroy();
  // A stream that its client has given up may have arrived all the same, and the command has begun.
  if (started.status === 'fulfilled')
    client.kill(container.id, SIGKILL, { all: true, execId }).catch(() => undefined);
  throw [started, opened].find((result) => result.status === 'rejected')?.reason;
}

/** All or none, in the order of `names`. */
export async function openStreams(
  host: ControlHost,
  container: Container,
  execId: string,
  names: readonly StreamName[],
  signal: AbortSignal,
): Promise<Map<StreamName, Socket>> {
  const { controlSocket } = container.sandbox.directory;
  const results = await Promise.allSettled(
    names.map((name) => host.control.openStream(controlSocket, container.id, execId, name, signal)),
  );
  const sockets = new Map<StreamName, Socket>();
  for (const [i, result] of results.entries()) {
    const name = names[i];
    if (result.status === 'fulfilled' && name !== undefined)
      sockets.set(
        name,
        result.value.on('error', () => undefined),
      );
  }
  const failed = results.find((result) => result.status === 'rejected');
  if (failed === undefined) return sockets;
  for (const socket of sockets.values()) socket.destroy();
  throw failed.reason;
}

/**
 * A command's end. When the signal aborts, `onGone` is called, and the end is waited for no longer than `patience` milliseconds
 * more: stage1 may be stopped, or frozen. Errors: the signal's reason.
 */
export async function endOfExec(
  exited: StartedExec['exited'],
  signal: AbortSignal,
  patience: number,
  onGone: () => void,
): Promise<ExecExit | undefined> {
  let timer: NodeJS.Timeout | undefined;
  let onAbort = (): void => undefined;
  const givenUp = new Promise<never>((_resolve, reject) => {
    onAbort = () => {
      onGone();
      timer = setTimeout(() => reject(signal.reason), patience);
    };
  });
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  return await Promise.race([exited, givenUp]).finally(() => {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  });
}
