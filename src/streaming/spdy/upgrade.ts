import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

/** Kubernetes' names for what is spoken inside of the SPDY connection. */
const requestHeader = 'x-stream-protocol-version';

export function isSpdyUpgrade(request: IncomingMessage): boolean {
  return /(^|,)\s*spdy\/3\.1\s*(,|$)/i.test(request.headers.upgrade ?? '');
}

/**
 * The first protocol of the client's list that is ours. '' when the client names none (the oldest protocol, where
 * `fallback` allows it); undefined when nothing matches.
 */
export function negotiate(
  request: IncomingMessage,
  ours: readonly string[],
  fallback: boolean,
): string | undefined {
  const header = request.headers[requestHeader];
  const offered = (Array.isArray(header) ? header.join(',') : (header ?? ''))
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (offered.length === 0) return fallback ? '' : undefined;
  return offered.find((name) => ours.includes(name));
}

/** Answers 101; from here on the socket speaks SPDY. */
export function acceptUpgrade(socket: Duplex, protocol: string): void {
  const lines = ['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: SPDY/3.1'];
  if (protocol !== '') lines.push(`X-Stream-Protocol-Version: ${protocol}`);
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
}
