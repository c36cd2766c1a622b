import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { createWebSocketStream } from 'ws';
import { describeError, GantryError } from '../../base/index.ts';
import { closeWebSocket } from '../remote-command/websocket.ts';
import type { PortForwardSession } from '../types.ts';
import { acceptWebSocket, chooseSubProtocol } from '../websocket/accept.ts';
import { Channels } from '../websocket/channels.ts';
import { portForwardProtocol, serveSpdyPortForward } from './spdy.ts';

/** SPDY frames inside of WebSocket messages: what kubectl speaks since 1.30. */
const tunnelProtocol = `SPDY/3.1+${portForwardProtocol}`;
const channelProtocols = ['v4.channel.k8s.io', 'v4.base64.channel.k8s.io'] as const;

/** Port forwarding for a WebSocket client: a SPDY tunnel, or two channels (data, error) for each port asked for. */
export async function serveWebSocketPortForward(
  session: PortForwardSession,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  const protocol = chooseSubProtocol(request, [tunnelProtocol, ...channelProtocols]);
  if (protocol === undefined) {
    throw new GantryError({
      code: 'permission-denied',
      operation: 'serve port-forward',
      message: `none of the client's sub-protocols is spoken here (${[tunnelProtocol, ...channelProtocols].join(', ')})`,
    });
  }
  const ports = requestedPorts(session, request);
  if (protocol !== tunnelProtocol && ports.length === 0) {
    throw new GantryError({
      code: 'invalid-argument',
      operation: 'serve port-forward',
      message: "a WebSocket client names its ports in the query or in the CRI request: '?port=80'",
    });
  }
  const webSocket = await acceptWebSocket(request, socket, head, protocol);
  if (protocol === tunnelProtocol) return serveSpdyPortForward(session, createWebSocketStream(webSocket));
  const gone = new AbortController();
  webSocket.once('close', () => gone.abort());
  const channels = new Channels(webSocket, protocol);
  await Promise.all(ports.map((port, i) => forwardChannel(session, port, channels, i * 2, gone.signal)));
  await closeWebSocket(webSocket);
}

function requestedPorts(session: PortForwardSession, request: IncomingMessage): readonly number[] {
  const query = new URL(request.url ?? '/', 'http://localhost').searchParams.getAll('port');
  const named = query.flatMap((value) => value.split(',')).map(Number);
  return named.length > 0 ? named : session.ports;
}

/** Each channel begins with the port it belongs to, little-endian. */
async function forwardChannel(
  session: PortForwardSession,
  port: number,
  channels: Channels,
  base: number,
  signal: AbortSignal,
): Promise<void> {
  const data = channels.open(base);
  const announcement = Buffer.alloc(2);
  announcement.writeUInt16LE(port);
  for (const number of [base, base + 1]) channels.send(number, announcement, () => undefined);
  try {
    await session.forward(port, data, signal);
  } catch (failure) {
    const text = `an error occurred forwarding port ${port}: ${describeError(failure)}`;
    channels.send(base + 1, Buffer.from(text), () => undefined);
  }
}
