import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';

/** kubectl and the API server send small messages; the bound is against a client that wants our memory. */
const maxMessage = 4 * 1024 * 1024;
/** A peer that vanished without a word (no FIN, no RST) is noticed by two unanswered pings. */
const pingMs = 15_000;

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
 * with a slash, such as Kubernetes' own `SPDY/3.1+portforward.k8s.io`.
 */
export function acceptWebSocket(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  protocol: string,
): Promise<WebSocket> {
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: maxMessage,
    perMessageDeflate: false,
  });
  delete request.headers['sec-websocket-protocol'];
  server.once('headers', (headers) => {
    if (protocol !== '') headers.push(`Sec-WebSocket-Protocol: ${protocol}`);
  });
  return new Promise((resolve) => {
    server.handleUpgrade(request, socket, head, (webSocket) => {
      watch(webSocket);
      resolve(webSocket);
    });
  });
}

function watch(webSocket: WebSocket): void {
  let alive = true;
  webSocket.on('pong', () => {
    alive = true;
  });
  const timer = setInterval(() => {
    if (!alive) return webSocket.terminate();
    alive = false;
    webSocket.ping();
  }, pingMs);
  timer.unref();
  webSocket.once('close', () => clearInterval(timer));
}
