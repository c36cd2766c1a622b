/**
 * One HTTP exchange with a registry: connection reuse, TLS options, proxies, redirects, time-outs. Knows nothing of
 * registries' API. Plain `node:http`, because it hands over body chunks as the socket delivers them.
 */
import * as http from 'node:http';
import * as https from 'node:https';
import { describeError, errno, GantryError, version } from '../../base/index.ts';
import { Agents } from './agents.ts';
import { decodedBody, isDecodingError } from './content-encoding.ts';
import type { RegistryHost } from './host.ts';
import { ProxyRules } from './proxy.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
  /** The Authorization header for an address: asked for each, those of redirects too. */
  readonly authorization?: (url: URL) => string | undefined;
  readonly signal: AbortSignal;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  /** Must be read to its end or destroyed. */
  readonly body: http.IncomingMessage;
  /** After redirects. */
  readonly url: URL;
}

/** The part of a RegistryHost that a connection depends on. */
export type Connection = Pick<RegistryHost, 'tls' | 'dialTimeoutMs' | 'fallbackToHttp' | 'proxy'>;

const REDIRECT_LIMIT = 10;
/** From the request's last byte to the response's headers. */
const HEADER_TIMEOUT_MS = 60_000;

export class HttpClient {
  readonly #agents = new Agents();
  readonly #proxies: ProxyRules;
  /** Origins that turned out to speak no TLS, of those that may do without. */
  readonly #plainOrigins = new Set<string>();

  constructor(environment: NodeJS.ProcessEnv = process.env) {
    this.#proxies = new ProxyRules(environment);
  }

  /**
   * Follows redirects. What was meant for one origin is told to no other: credentials, client certificates, whatever
   * hosts.toml added. Fails with GantryError: 'unavailable' when there is no answer, 'cancelled' by the signal.
   */
  async send(request: HttpRequest, connection: Connection): Promise<HttpResponse> {
    let { url, headers } = request;
    let used = connection;
    for (let redirects = 0; ; redirects++) {
      const authorization = request.authorization?.(url);
      const all = authorization === undefined ? headers : { ...headers, authorization };
      const response = await this.#exchange({ ...request, url, headers: all }, used);
      const location = response.headers.location;
      if (![301, 302, 303, 307, 308].includes(response.status) || location === undefined) return response;
      response.body.resume();
      if (redirects === REDIRECT_LIMIT) throw unavailable(url, `more than ${REDIRECT_LIMIT} redirects`);
      const next = redirectTarget(url, location);
      if (next.origin !== url.origin) {
        // The body of a POST is a token of the caller's.
        if (request.body !== undefined)
          throw unavailable(url, `redirected a secret to ${next.origin}; refused`);
        headers = onlyHarmless(headers);
        used = elsewhere(used);
      }
      url = next;
    }
  }

  close(): void {
    this.#agents.close();
  }

  async #exchange(request: HttpRequest, connection: Connection): Promise<HttpResponse> {
    const { url } = request;
    if (!connection.fallbackToHttp || url.protocol !== 'http:') return await this.#once(request, connection);
    if (!this.#plainOrigins.has(url.host)) {
      const secure = new URL(url);
      secure.protocol = 'https:';
      try {
        // The address as it was asked for: whose credentials are meant goes by that.
        return { ...(await this.#once({ ...request, url: secure }, connection)), url };
      } catch (error) {
        if (!speaksNoTls(error)) throw error;
        this.#plainOrigins.add(url.host);
      }
    }
    return await this.#once(request, connection);
  }

  #once(request: HttpRequest, connection: Connection): Promise<HttpResponse> {
    const { url, method, signal } = request;
    const secure = url.protocol === 'https:';
    const { promise, resolve, reject } = Promise.withResolvers<HttpResponse>();
    if (signal.aborted) return Promise.reject(cancelled(url));
    const outgoing = (secure ? https : http).request(url, {
      method,
      agent: this.#agents.get(
        secure ? connection.tls : undefined,
        connection.proxy ?? this.#proxies.for(url),
      ),
      headers: {
        'user-agent': `gantry/${version}`,
        'accept-encoding': 'identity',
        ...mutable(request.headers),
      },
    });
    let answer: http.IncomingMessage | undefined;
    const abort = (): void => void (answer ?? outgoing).destroy(cancelled(url));
    signal.addEventListener('abort', abort, { once: true });
    const giveUp = (what: string, ms: number): NodeJS.Timeout =>
      setTimeout(() => outgoing.destroy(unavailable(url, `no ${what} within ${ms / 1000} s`)), ms);
    let timer: NodeJS.Timeout | undefined;
    outgoing.once('socket', (socket) => {
      const connected = (): void => {
        clearTimeout(timer);
        timer = giveUp('answer', HEADER_TIMEOUT_MS);
      };
      if (outgoing.reusedSocket || !socket.connecting) return connected();
      timer = giveUp('connection', connection.dialTimeoutMs);
      return void socket.once(secure ? 'secureConnect' : 'connect', connected);
    });
    outgoing.once('response', (body) => {
      clearTimeout(timer);
      answer = body;
      body.once('close', () => signal.removeEventListener('abort', abort));
      resolve({ status: body.statusCode ?? 0, headers: body.headers, body, url });
    });
    outgoing.on('error', (error) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      reject(error instanceof GantryError ? error : unavailable(url, describeError(error), error));
    });
    outgoing.end(request.body);
    return promise;
  }
}

/** Reads a small body whole, without its content coding; 'data-loss' beyond `limit` bytes and for a broken coding. */
export async function readBody(response: HttpResponse, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of decodedBody(response)) {
      const bytes = chunk as Buffer;
      size += bytes.length;
      if (size > limit) break;
      chunks.push(bytes);
    }
  } catch (error) {
    if (isDecodingError(error)) throw badBody(response.url, 'a body that is not coded as it says');
    throw error instanceof GantryError ? error : unavailable(response.url, describeError(error), error);
  }
  if (size <= limit) return Buffer.concat(chunks);
  throw badBody(response.url, `more than ${limit} bytes where a small document was expected`);
}

function badBody(url: URL, what: string): GantryError {
  return new GantryError({
    code: 'data-loss',
    operation: 'read',
    subject: url.href,
    message: `${location(url)} sent ${what}`,
  });
}

function redirectTarget(from: URL, location: string): URL {
  const next = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  if (next === undefined) throw unavailable(from, 'redirected to what is no address');
  if (next.protocol !== 'http:' && next.protocol !== 'https:')
    throw unavailable(from, `redirected to ${next.protocol}`);
  return next;
}

/** How another host is connected to than the one that the options are for. */
function elsewhere(connection: Connection): Connection {
  return { ...connection, tls: { ...connection.tls, client: [] }, fallbackToHttp: false, proxy: undefined };
}

function onlyHarmless(headers: HttpRequest['headers']): HttpRequest['headers'] {
  const harmless = ['accept', 'range', 'if-range'];
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => harmless.includes(name.toLowerCase())),
  );
}

function mutable(headers: HttpRequest['headers']): http.OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).map(([k, v]) => [k, typeof v === 'string' ? v : [...v]]));
}

/** A plain HTTP server's answer to a TLS handshake: not a TLS record, or a hang-up. */
function speaksNoTls(error: unknown): boolean {
  const cause = error instanceof GantryError ? error.cause : undefined;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  return code.startsWith('ERR_SSL_') || code === 'EPROTO' || errno(cause) === 'ECONNRESET';
}

function location(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

function unavailable(url: URL, why: string, cause?: unknown): GantryError {
  const remedy =
    cause instanceof Error && 'code' in cause && isCertificateError(String(cause.code))
      ? ` (set "ca" in ${url.host}'s hosts.toml to the certificate authority to trust)`
      : '';
  return new GantryError({
    code: 'unavailable',
    operation: 'request',
    subject: location(url),
    message: `${location(url)}: ${why}${remedy}`,
    cause,
  });
}

function isCertificateError(code: string): boolean {
  return /SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|CERT_/.test(code);
}

function cancelled(url: URL): GantryError {
  return new GantryError({
    code: 'cancelled',
    operation: 'request',
    subject: location(url),
    message: `the request to ${location(url)} was cancelled`,
  });
}
