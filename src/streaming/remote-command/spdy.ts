import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { GantryError } from '../../base/index.ts';
import { SpdySession } from '../spdy/session.ts';
import type { SpdyStream } from '../spdy/stream.ts';
import { acceptUpgrade, negotiate } from '../spdy/upgrade.ts';
import type { RemoteCommandSession } from '../types.ts';
import { type ClientStreams, runRemoteCommand } from './run.ts';
import { type Outcome, statusJson, statusText } from './status.ts';

export const spdyProtocols = [
  'v4.channel.k8s.io',
  'v3.channel.k8s.io',
  'v2.channel.k8s.io',
  'channel.k8s.io',
] as const;

const streamCreationMs = 30_000;

/** Exec or attach for a SPDY/3.1 client: it opens one stream each for error, stdin, stdout, stderr and resize. */
export async function serveSpdyRemoteCommand(
  session: RemoteCommandSession,
  request: IncomingMessage,
  socket: Duplex,
  ending: AbortSignal,
): Promise<void> {
  const protocol = negotiate(request, spdyProtocols, true);
  if (protocol === undefined) {
    throw new GantryError({
      code: 'permission-denied',
      operation: `serve ${session.kind}`,
      message: `none of the client's stream protocols is spoken here (${spdyProtocols.join(', ')})`,
    });
  }
  acceptUpgrade(socket, protocol);
  const opened = new Map<string, SpdyStream>();
  let arrived: () => void = () => undefined;
  const spdy = new SpdySession(socket, (stream) => {
    opened.set(stream.headers['streamtype'] ?? '', stream);
    arrived();
  });
  const gone = new AbortController();
  void spdy.closed.then(() => {
    if (!ending.aborted) gone.abort();
  });
  try {
    const wanted = wantedStreams(session, protocol);
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error('timed out waiting for the client to open its streams')),
        streamCreationMs,
      );
      arrived = () => {
        if (!wanted.every((name) => opened.has(name))) return;
        clearTimeout(timer);
        resolve();
      };
      gone.signal.addEventListener('abort', () => {
        clearTimeout(timer);
        reject(new Error('the client went away before it had opened its streams'));
      });
      arrived();
    });
    await runRemoteCommand(session, clientStreams(opened, protocol), gone.signal, ending);
  } finally {
    spdy.close();
    await spdy.closed;
  }
}

function wantedStreams(session: RemoteCommandSession, protocol: string): string[] {
  const { stdin, stdout, stderr, tty } = session.streams;
  const resizable = protocol === 'v4.channel.k8s.io' || protocol === 'v3.channel.k8s.io';
  const wanted = ['error'];
  if (stdin) wanted.push('stdin');
  if (stdout) wanted.push('stdout');
  if (stderr) wanted.push('stderr');
  if (tty && resizable) wanted.push('resize');
  return wanted;
}

function clientStreams(opened: ReadonlyMap<string, SpdyStream>, protocol: string): ClientStreams {
  // What is never read must still be drained, or a client that ends its half of it is never noticed.
  for (const name of ['error', 'stdout', 'stderr']) opened.get(name)?.resume();
  return {
    stdin: opened.get('stdin'),
    stdout: opened.get('stdout'),
    stderr: opened.get('stderr'),
    resize: opened.get('resize'),
    async reportOutcome(outcome: Outcome) {
      const stream = opened.get('error');
      if (stream === undefined || stream.destroyed) return;
      const text = protocol === 'v4.channel.k8s.io' ? statusJson(outcome) : statusText(outcome);
      await new Promise<void>((resolve) => {
        stream.once('close', resolve);
        if (text !== '') stream.write(text);
        stream.end(resolve);
      });
    },
  };
}
