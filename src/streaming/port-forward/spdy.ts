import type { Duplex } from 'node:stream';
import { describeError } from '../../base/index.ts';
import { SpdySession } from '../spdy/session.ts';
import type { SpdyStream } from '../spdy/stream.ts';
import type { PortForwardSession } from '../types.ts';

export const portForwardProtocol = 'portforward.k8s.io';

/** A client that opened one stream of a pair has this long for the other. */
const pairMs = 30_000;

/**
 * Port forwarding over an established SPDY transport (a socket, or a WebSocket tunnel): each forwarded connection is a pair
 * of streams, `error` and `data`, with the same `requestid` and a `port` header. One connection's end is never another's.
 */
export async function serveSpdyPortForward(session: PortForwardSession, transport: Duplex): Promise<void> {
  const waiting = new Map<string, { stream: SpdyStream; timer: NodeJS.Timeout }>();
  const gone = new AbortController();
  const spdy = new SpdySession(transport, (stream) => {
    const id = stream.headers['requestid'] ?? '';
    const other = waiting.get(id);
    if (other === undefined || other.stream.headers['streamtype'] === stream.headers['streamtype']) {
      const timer = setTimeout(() => {
        waiting.delete(id);
        stream.destroy();
      }, pairMs);
      timer.unref();
      waiting.set(id, { stream, timer });
      return;
    }
    clearTimeout(other.timer);
    waiting.delete(id);
    const [data, error] =
      stream.headers['streamtype'] === 'data' ? [stream, other.stream] : [other.stream, stream];
    void forwardPair(session, data, error, gone.signal);
  });
  await spdy.closed;
  gone.abort();
  for (const { timer } of waiting.values()) clearTimeout(timer);
}

async function forwardPair(
  session: PortForwardSession,
  data: SpdyStream,
  error: SpdyStream,
  signal: AbortSignal,
): Promise<void> {
  error.resume();
  const port = Number(data.headers['port']);
  try {
    if (!Number.isInteger(port) || port < 1 || port > 65535)
      throw new Error(`'${data.headers['port']}' is no port`);
    await session.forward(port, data, signal);
    error.end();
  } catch (failure) {
    if (!error.destroyed) error.end(`an error occurred forwarding port ${port}: ${describeError(failure)}`);
    data.destroy();
  }
}
