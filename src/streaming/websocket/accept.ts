import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws';
import { GantryError } from '../../base/index.ts';

/** kubectl and the API server send small messages; the bound is against a client that wants our memory. */
const maxMessage = 4 * 1024 * 1024;
/** A peer that vanished without a word (no FIN, no RST) is noticed by unanswered pings, another by writing one. */
const pingMs = 5_000;
const unansweredPings = 6;
/** For the peer's answer to our closing. */
const closeMs = 5_000;

export function isWebSocketUpgrade(request: IncomingMessage): boolean {
  return (request.headers.upgrade ?? '').toLowerCase() === 'websocket';
}

/** The first sub-protocol of the client's list that is ours; '' when it names none; undefined when nothing matches. */
export function chooseSubProtocol(request: IncomingMessage, ours: readonly string[]): string | undefined {
  const offered = (request.headers['sec-websocket-protocol'] ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (offered.length === 0) return '';
  return offered.find((name) => ours.includes(name));
}

/**
 * Completes the handshake (RFC 6455, section 4.2.2). The sub-protocol is answered here and not by `ws`, which refuses names
 * with a slash, such as Kubernetes' own `SPDY/3.1+portforward.k8s.io`. Errors: invalid-argument for what is no handshake.
 */
export function acceptWebSocket(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  protocol: string,
): Promise<WebSocket> {
  // Its types lack closeTimeout.
  const options: ServerOptions & { closeTimeout: number } = {
    noServer: true,
    clientTracking: false,
    maxPayload: maxMessage,
    perMessageDeflate: false,
    closeTimeout: closeMs,
  };
  const server = new WebSocketServer(options);
  delete request.headers['sec-websocket-protocol'];
  server.once('headers', (headers) => {
    if (protocol !== '') headers.push(`Sec-WebSocket-Protocol: ${protocol}`);
  });
  return new Promise((resolve, reject) => {
    server.once('wsClientError', (cause) => {
      const operation = 'open a WebSocket';
      reject(new GantryError({ code: 'invalid-argument', operation, message: cause.message, cause }));
    });
    server.handleUpgrade(request, socket, head, (webSocket) => {
      watch(webSocket);
      resolve(webSocket);
    });
  });
}

function watch(webSocket: WebSocket): void {
  let unanswered = 0;
  webSocket.on('pong', () => {
    unanswered = 0;
  });
  const timer = setInterval(() => {
    // A paused socket is one whose bytes somebody here is slow to take: the answer waits behind them.
    if (webSocket.isPaused) unanswered = 0;
    if (unanswered >= unansweredPings) return webSocket.terminate();
    unanswered += 1;
    webSocket.ping(() => undefined);
  }, pingMs);
  timer.unref();
  webSocket.once('close', () => clearInterval(timer));
}
