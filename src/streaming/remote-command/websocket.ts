import type { IncomingMessage } from 'node:http';
import type { WebSocket } from 'ws';
import { GantryError } from '../../base/index.ts';
import type { Connection, RemoteCommandSession } from '../types.ts';
import { acceptWebSocket, chooseSubProtocol } from '../websocket/accept.ts';
import { Channels } from '../websocket/channels.ts';
import { type ClientStreams, runRemoteCommand } from './run.ts';
import { type Outcome, statusJson, statusText } from './status.ts';

/** Newest first; '' (no sub-protocol) speaks the oldest. */
export const webSocketProtocols = [
  'v5.channel.k8s.io',
  'v4.channel.k8s.io',
  'v4.base64.channel.k8s.io',
  'v3.channel.k8s.io',
  'v2.channel.k8s.io',
  'channel.k8s.io',
  'base64.channel.k8s.io',
] as const;

const number = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4 } as const;

/** Exec or attach for a WebSocket client. */
export async function serveWebSocketRemoteCommand(
  session: RemoteCommandSession,
  request: IncomingMessage,
  { socket, head, ending }: Connection,
): Promise<void> {
  const protocol = chooseSubProtocol(request, webSocketProtocols);
  if (protocol === undefined) {
    throw new GantryError({
      code: 'permission-denied',
      operation: `serve ${session.kind}`,
      message: `none of the client's sub-protocols is spoken here (${webSocketProtocols.join(', ')})`,
    });
  }
  const webSocket = await acceptWebSocket(request, socket, head, protocol);
  const streams = clientStreams(session, webSocket, protocol);
  const gone = new AbortController();
  webSocket.once('close', () => {
    if (!ending.aborted) gone.abort();
  });
  await runRemoteCommand(session, streams, gone.signal, ending);
  await closeWebSocket(webSocket);
}

/** A normal closure; a peer that does not answer it is dropped (by `ws`, after a few seconds). */
export async function closeWebSocket(webSocket: WebSocket): Promise<void> {
  if (webSocket.readyState === webSocket.CLOSED) return;
  await new Promise<void>((resolve) => {
    webSocket.once('close', () => resolve());
    webSocket.close(1000);
  });
}

function clientStreams(session: RemoteCommandSession, webSocket: WebSocket, protocol: string): ClientStreams {
  const { stdin, stdout, stderr, tty } = session.streams;
  const channels = new Channels(webSocket, protocol);
  const streams = {
    stdin: stdin ? channels.open(number.stdin) : undefined,
    stdout: stdout ? channels.open(number.stdout) : undefined,
    stderr: stderr ? channels.open(number.stderr) : undefined,
    resize: tty ? channels.open(number.resize) : undefined,
  };
  // What a client sends on an output is nothing to us, and must not stop what it sends on others.
  streams.stdout?.resume();
  streams.stderr?.resume();
  // Clients wait for a first, empty message on the lowest channel that they may read: the connection stands.
  const first = stdout ? number.stdout : stderr ? number.stderr : number.error;
  channels.send(first, Buffer.alloc(0), () => undefined);
  return {
    ...streams,
    async reportOutcome(outcome: Outcome) {
      const json = /^v[45]\./.test(protocol);
      const text = json ? statusJson(outcome) : statusText(outcome);
      if (text === '') return;
      await new Promise<void>((resolve) => channels.send(number.error, Buffer.from(text), () => resolve()));
    },
  };
}
