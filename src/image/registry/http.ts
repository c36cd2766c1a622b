/**
 * One HTTP exchange with a registry: connection reuse, TLS options, proxies, redirects, time-outs. Knows nothing of
 * registries' API. Plain `node:http`, because it hands over body chunks as the socket delivers them.
 */
import * as http from 'node:http';
import * as https from 'node:https';
import { describeError, errno, GantryError, version } from '../../base/index.ts';
import { RateWatch } from '../rate-watch.ts';
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
  /** What a small body may take. */
  readonly pace: Pace;
}

/** Bytes a second, averaged over `windowMs`: a body that comes slower is given up. */
export interface Pace {
  readonly minimumRate: number;
  readonly windowMs: number;
}

/** The part of a RegistryHost that a connection depends on. */
export type Connection = Pick<RegistryHost, 'tls' | 'dialTimeoutMs' | 'fallbackToHttp' | 'proxy'>;

const REDIRECT_LIMIT = 10;
/** From the request's last byte to the response's headers. */
const HEADER_TIMEOUT_MS = 60_000;
const defaultPace: Pace = { minimumRate: 1024, windowMs: 60_000 };
/** Of a body that nobody wants: so much is read of it, so that its connection can be used again. */
const UNWANTED_LIMIT = 64 << 10;
const UNWANTED_MS = 2_000;

export class HttpClient {
  readonly #agents = new Agents();
  readonly #proxies: ProxyRules;
  readonly #pace: Pace;
  /** Hosts that answer without TLS, of those that may do without. */
  readonly #plainHosts = new Set<string>();

  constructor(environment: NodeJS.ProcessEnv = process.env, pace = defaultPace) {
    this.#proxies = new ProxyRules(environment);
    this.#pace = pace;
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
      discard(response.body);
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
    if (this.#plainHosts.has(url.host)) return await this.#plainly(request, connection);
    const secure = new URL(url);
    secure.protocol = 'https:';
    try {
      // The address as it was asked for: whose credentials are meant goes by that.
      return { ...(await this.#once({ ...request, url: secure }, connection)), url };
    } catch (error) {
      if (!maySpeakNoTls(error)) throw error;
      const response = await this.#plainly(request, connection);
      // It does speak TLS, and hung up for another reason: it may not do so the next time.
      if (response.status !== 400 || !isHangUp(error)) return response;
      discard(response.body);
      throw error;
    }
  }

  /** Remembers who answers without TLS, for as long as that is so: a server that speaks TLS answers with 400, or not at all. */
  async #plainly(request: HttpRequest, connection: Connection): Promise<HttpResponse> {
    const { host } = request.url;
    try {
      const response = await this.#once(request, connection);
      if (response.status === 400) this.#plainHosts.delete(host);
      else this.#plainHosts.add(host);
      return response;
    } catch (error) {
      this.#plainHosts.delete(host);
      throw error;
    }
  }

  #once(request: HttpRequest, connection: Connection): Promise<HttpResponse> {
    const { url, method, signal } = request;
    const secure = url.protocol === 'https:';
    const { promise, resolve, reject } = Promise.withResolvers<HttpResponse>();
    if (signal.aborted) return Promise.reject(cancelled(url));
    const { dialTimeoutMs } = connection;
    const proxy = connection.proxy ?? this.#proxies.for(url);
    // Its password is nobody's business.
    const by = proxy === undefined ? '' : ` (by the proxy ${proxy.protocol}//${proxy.host})`;
    const outgoing = (secure ? https : http).request(url, {
      method,
      agent: this.#agents.get(secure ? connection.tls : undefined, proxy, dialTimeoutMs),
      // Node's own: without it the connection to a proxy that does not answer would stay.
      timeout: dialTimeoutMs,
      headers: {
        'user-agent': `gantry/${version}`,
        'accept-encoding': 'identity',
        ...mutable(request.headers),
      },
    });
    let answer: http.IncomingMessage | undefined;
    // Behind a proxy there is no socket for a while, and a request without one does not say that it was destroyed.
    const fail = (error: Error): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      reject(error);
      (answer ?? outgoing).destroy(error);
    };
    const abort = (): void => fail(cancelled(url));
    signal.addEventListener('abort', abort, { once: true });
    const giveUp = (what: string, ms: number): NodeJS.Timeout =>
      setTimeout(() => fail(unavailable(url, `no ${what} within ${ms / 1000} s${by}`)), ms);
    let timer = giveUp('connection', dialTimeoutMs);
    outgoing.once('socket', (socket) => {
      const connected = (): void => {
        clearTimeout(timer);
        if (!outgoing.destroyed) timer = giveUp('answer', HEADER_TIMEOUT_MS);
      };
      if (outgoing.reusedSocket || !socket.connecting) return connected();
      return void socket.once(secure ? 'secureConnect' : 'connect', connected);
    });
    outgoing.once('response', (body) => {
      clearTimeout(timer);
      answer = body;
      body.once('close', () => signal.removeEventListener('abort', abort));
      resolve({ status: body.statusCode ?? 0, headers: body.headers, body, url, pace: this.#pace });
    });
    outgoing.on('error', (error) => {
      fail(error instanceof GantryError ? error : unavailable(url, `${describeError(error)}${by}`, error));
    });
    outgoing.end(request.body);
    return promise;
  }
}

/**
 * Reads a small body whole, without its content coding; 'data-loss' beyond `limit` bytes and for a broken coding, 'unavailable' for
 * one that comes too slowly.
 */
export async function readBody(response: HttpResponse, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  const { minimumRate, windowMs } = response.pace;
  const watch = new RateWatch(minimumRate, windowMs, performance.now());
  const timer = setInterval(
    () => {
      if (!watch.stalled(performance.now())) return;
      const why = `below ${minimumRate} bytes/s for ${windowMs / 1000} s`;
      response.body.destroy(unavailable(response.url, why));
    },
    Math.min(1000, windowMs / 4),
  );
  try {
    for await (const chunk of decodedBody(response)) {
      const bytes = chunk as Buffer;
      size += bytes.length;
      watch.received(bytes.length);
      if (size > limit) break;
      chunks.push(bytes);
    }
  } catch (error) {
    if (isDecodingError(error)) throw badBody(response.url, 'a body that is not coded as it says');
    throw error instanceof GantryError ? error : unavailable(response.url, describeError(error), error);
  } finally {
    clearInterval(timer);
  }
  if (size <= limit) return Buffer.concat(chunks);
  throw badBody(response.url, `more than ${limit} bytes where a small document was expected`);
}

/** For a body that nobody wants: what little there is of it is read, and one that does not end is cut off. */
export function discard(body: http.IncomingMessage): void {
  let left = UNWANTED_LIMIT;
  const timer = setTimeout(() => body.destroy(), UNWANTED_MS).unref();
  body.once('close', () => clearTimeout(timer));
  body.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) body.destroy();
  });
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

/**
 * Whether it may be a plain HTTP server that answers a TLS handshake so: by what is no TLS record, or by hanging up. An alert is
 * said in TLS.
 */
function maySpeakNoTls(error: unknown): boolean {
  const cause = error instanceof GantryError ? error.cause : undefined;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const isNoRecord = code.startsWith('ERR_SSL_') || code === 'EPROTO';
  return (isNoRecord && !/alert/i.test(`${code} ${describeError(cause)}`)) || isHangUp(error);
}

function isHangUp(error: unknown): boolean {
  return error instanceof GantryError && errno(error.cause) === 'ECONNRESET';
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
