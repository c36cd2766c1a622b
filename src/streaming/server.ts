import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeError, errorCode, GantryError, type Logger } from '../base/index.ts';
import { portForwardProtocol, serveSpdyPortForward } from './port-forward/spdy.ts';
import { serveWebSocketPortForward } from './port-forward/websocket.ts';
import { serveSpdyRemoteCommand } from './remote-command/spdy.ts';
import { serveWebSocketRemoteCommand } from './remote-command/websocket.ts';
import { acceptUpgrade, isSpdyUpgrade, negotiate } from './spdy/upgrade.ts';
import { Tokens } from './tokens.ts';
import type { Connection, Session } from './types.ts';
import { isWebSocketUpgrade } from './websocket/accept.ts';

/** Milliseconds that clients have to take the end of their sessions, when the server ends. */
const lastWords = 1000;

/**
 * The HTTP server behind the URLs that Exec, Attach and PortForward return. It listens on loopback only: the kubelet
 * fetches the URL itself and stands between it and the world. One instance a server.
 */
export class StreamingServer {
  readonly #tokens = new Tokens();
  readonly #log: Logger;
  readonly #server: Server;
  /** Connections that asked for a session, each with what tells it that the server ends. */
  readonly #sessions = new Map<Duplex, AbortController>();

  private constructor(log: Logger) {
    this.#log = log;
    // Whoever connects has few words to say before the upgrade, and must not hold a descriptor by saying none.
    const limits = { headersTimeout: 10_000, requestTimeout: 10_000, connectionsCheckingInterval: 2_000 };
    this.#server = createServer(limits, (_request, response) => {
      response.writeHead(400, { 'Content-Type': 'text/plain' });
      response.end('streaming needs an upgrade to SPDY/3.1 or WebSocket\n');
    });
    this.#server.on('upgrade', (request, socket, head) => void this.#upgrade(request, socket, head));
  }

  /** Listens on 127.0.0.1, a port of the kernel's choice. */
  static async start(log: Logger): Promise<StreamingServer> {
    const streaming = new StreamingServer(log);
    await new Promise<void>((resolve, reject) => {
      streaming.#server.once('error', reject);
      streaming.#server.listen(0, '127.0.0.1', resolve);
    });
    return streaming;
  }

  /** The URL under which one client may open `session`, once, within a minute. */
  url(session: Session): string {
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${port}/${session.kind}/${this.#tokens.issue(session)}`;
  }

  /** Ends every session, and says so to the clients of exec and attach; what runs in the containers goes on. */
  async close(): Promise<void> {
    this.#tokens.clear();
    for (const ending of this.#sessions.values()) ending.abort(serverEnds());
    for (const deadline = Date.now() + lastWords; this.#sessions.size > 0 && Date.now() < deadline; )
      await sleep(10);
    for (const socket of this.#sessions.keys()) socket.destroy();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      // Those that have said nothing yet.
      this.#server.closeAllConnections();
    });
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const ending = new AbortController();
    this.#sessions.set(socket, ending);
    socket.once('close', () => this.#sessions.delete(socket));
    socket.on('error', () => undefined);
    try {
      await this.#serve(request, { socket, head, ending: ending.signal });
    } catch (error) {
      const { kind } = namedBy(request);
      this.#log.info({ session: kind, error: describeError(error) }, 'streaming session refused or cut off');
      refuse(socket, error);
    }
  }

  #serve(request: IncomingMessage, connection: Connection): Promise<void> {
    const session = this.#redeem(request);
    const { socket, head, ending } = connection;
    if (session.kind === 'port-forward') ending.addEventListener('abort', () => socket.destroy());
    if (isWebSocketUpgrade(request)) {
      return session.kind === 'port-forward'
        ? serveWebSocketPortForward(session, request, socket, head)
        : serveWebSocketRemoteCommand(session, request, connection);
    }
    if (!isSpdyUpgrade(request)) {
      throw new GantryError({
        code: 'invalid-argument',
        operation: 'open a streaming session',
        message: `upgrade to '${request.headers.upgrade}' is not spoken here; SPDY/3.1 and WebSocket are`,
      });
    }
    if (head.length > 0) socket.unshift(head);
    if (session.kind !== 'port-forward') return serveSpdyRemoteCommand(session, request, socket, ending);
    if (negotiate(request, [portForwardProtocol], true) === undefined) {
      throw new GantryError({
        code: 'permission-denied',
        operation: 'serve port-forward',
        message: `only ${portForwardProtocol} is spoken here`,
      });
    }
    acceptUpgrade(socket, portForwardProtocol);
    return serveSpdyPortForward(session, socket);
  }

  #redeem(request: IncomingMessage): Session {
    const { kind, token } = namedBy(request);
    const session = this.#tokens.redeem(token);
    if (session === undefined || session.kind !== kind) {
      throw new GantryError({
        code: 'not-found',
        operation: 'open a streaming session',
        message: 'no session waits under this URL: each is good once, for a minute; ask for a new one',
      });
    }
    return session;
  }
}

function serverEnds(): GantryError {
  return new GantryError({
    code: 'unavailable',
    operation: 'serve a session',
    message: 'the server ends; what was started in the container runs on',
  });
}

/** What `/<kind>/<token>` names; nothing for a target that is no URL: whoever connects may write what it likes. */
function namedBy(request: IncomingMessage): { readonly kind: string; readonly token: string } {
  const path = URL.parse(request.url ?? '/', 'http://localhost')?.pathname ?? '';
  const [, kind = '', token = ''] = path.split('/');
  return { kind, token };
}

/** Before the upgrade an HTTP answer tells why; after it the connection only ends. */
function refuse(socket: Duplex, error: unknown): void {
  if (socket.destroyed) return;
  const statuses: Partial<Record<string, string>> = {
    'not-found': '404 Not Found',
    'permission-denied': '403 Forbidden',
    'invalid-argument': '400 Bad Request',
  };
  const status = statuses[errorCode(error)];
  if (status === undefined) {
    socket.destroy();
    return;
  }
  const body = `${describeError(error)}\n`;
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  const timer = setTimeout(() => socket.destroy(), 2000);
  timer.unref();
}
