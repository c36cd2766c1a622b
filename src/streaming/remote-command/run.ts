import type { Readable, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { RemoteCommandSession, TerminalSize } from '../types.ts';
import { readSizes } from './resize.ts';
import type { Outcome } from './status.ts';

/** The streams of one client, collected by whichever wire protocol it speaks. */
export interface ClientStreams {
  readonly stdin: Readable | undefined;
  readonly stdout: Writable | undefined;
  readonly stderr: Writable | undefined;
  readonly resize: Readable | undefined;
  /** Writes the outcome on the error stream and ends it. */
  reportOutcome(outcome: Outcome): Promise<void>;
}

/**
 * Runs a session with a client's streams: output first, whole; then the outcome; the caller then closes the connection.
 * `signal` aborts when the client is gone, `ending` when the server ends: the client hears that, or it would take the end of
 * its connection for the command's success.
 */
export async function runRemoteCommand(
  session: RemoteCommandSession,
  streams: ClientStreams,
  signal: AbortSignal,
  ending: AbortSignal,
): Promise<void> {
  const listeners: ((size: TerminalSize) => void)[] = [];
  let latest: TerminalSize | undefined;
  const sizes = streams.resize === undefined ? undefined : readSizes(streams.resize, notify);
  sizes?.catch(() => undefined); // a cut resize stream ends with its session
  function notify(size: TerminalSize): void {
    latest = size;
    for (const listener of listeners) listener(size);
  }
  const outcome = await session
    .run({
      stdin: streams.stdin,
      stdout: streams.stdout,
      stderr: streams.stderr,
      signal,
      ending,
      // kubectl sends the first size before the process exists; whoever listens late still gets it.
      onResize(listener) {
        listeners.push(listener);
        if (latest !== undefined) listener(latest);
      },
    })
    .then(
      (code): Outcome => ({ kind: 'exited', code }),
      (error: unknown): Outcome => ({ kind: 'failed', error }),
    );
  await Promise.all([endOf(streams.stdout), endOf(streams.stderr)]);
  await streams.reportOutcome(outcome);
}

/** Ends a stream and waits until its bytes have left; a client that is gone makes no difference any more. */
async function endOf(stream: Writable | undefined): Promise<void> {
  if (stream === undefined || stream.destroyed) return;
  const done = finished(stream, { readable: false });
  stream.end();
  await done.catch(() => undefined);
}
