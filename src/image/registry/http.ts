/**
 * One HTTP exchange with a registry: connection reuse, TLS options, redirects, time-outs. Knows nothing of registries'
 * API. Plain `node:http`, because it hands over body chunks as the socket delivers them. HTTPS_PROXY and friends count.
 */
import { readFileSync } from 'node:fs';
import * as http from 'node:http';
import * as https from 'node:https';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { describeError, errno, GantryError, version } from '../../base/index.ts';
import type { RegistryHost, TlsOptions } from './host.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
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
export type Connection = Pick<RegistryHost, 'tls' | 'dialTimeoutMs' | 'fallbackToHttp'>;

const REDIRECT_LIMIT = 10;
/** From the request's last byte to the response's headers. */
const HEADER_TIMEOUT_MS = 60_000;

export class HttpClient {
  readonly #plain = new http.Agent({ keepAlive: true, scheduling: 'lifo', proxyEnv: process.env });
  readonly #secure = new Map<string, https.Agent>();
  /** Loopback origins that turned out to speak no TLS. */
  readonly #plainOrigins = new Set<string>();

  /** Follows redirects. Fails with GantryError: 'unavailable' when there is no answer, 'cancelled' by the signal. */
  async send(request: HttpRequest, connection: Connection): Promise<HttpResponse> {
    let { url, headers } = request;
    for (let redirects = 0; ; redirects++) {
      const response = await this.#exchange({ ...request, url, headers }, connection);
      const location = response.headers.location;
      if (![301, 302, 303, 307, 308].includes(response.status) || location === undefined) return response;
      response.body.resume();
      if (redirects === REDIRECT_LIMIT) throw unavailable(url, `more than ${REDIRECT_LIMIT} redirects`);
      const next = new URL(location, url);
      if (next.protocol !== 'http:' && next.protocol !== 'https:')
        throw unavailable(url, `redirected to ${next.protocol}`);
      // What was meant for one host is told to no other: credentials, and whatever hosts.toml added.
      if (next.host !== url.host || next.protocol !== url.protocol) headers = onlyHarmless(headers);
      url = next;
    }
  }

  /** Whether `url` is reached by plain HTTP, without a proxy in between. */
  isPlain(url: URL, connection: Connection): boolean {
    if (process.env['http_proxy'] || process.env['HTTP_PROXY']) return false;
    return url.protocol === 'http:' && (!connection.fallbackToHttp || this.#plainOrigins.has(url.host));
  }

  close(): void {
    this.#plain.destroy();
    for (const agent of this.#secure.values()) agent.destroy();
  }

  async #exchange(request: HttpRequest, connection: Connection): Promise<HttpResponse> {
    const { url } = request;
    if (!connection.fallbackToHttp || url.protocol !== 'http:') return await this.#once(request, connection);
    if (!this.#plainOrigins.has(url.host)) {
      const secure = new URL(url);
      secure.protocol = 'https:';
      try {
        return await this.#once({ ...request, url: secure }, connection);
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
      agent: secure ? this.#agentFor(connection.tls) : this.#plain,
      headers: { 'user-agent': `gantry/${version}`, ...mutable(request.headers) },
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

  #agentFor(tls: TlsOptions): https.Agent {
    const key = JSON.stringify(tls);
    let agent = this.#secure.get(key);
    if (agent === undefined) {
      agent = new https.Agent({
        keepAlive: true,
        scheduling: 'lifo',
        proxyEnv: process.env,
        secureContext: secureContext(tls),
        rejectUnauthorized: !tls.skipVerify,
      });
      this.#secure.set(key, agent);
    }
    return agent;
  }
}

/** Reads a small body whole; 'data-loss' beyond `limit` bytes. */
export async function readBody(response: HttpResponse, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response.body) {
      const bytes = chunk as Buffer;
      size += bytes.length;
      if (size > limit) break;
      chunks.push(bytes);
    }
  } catch (error) {
    throw error instanceof GantryError ? error : unavailable(response.url, describeError(error), error);
  }
  if (size <= limit) return Buffer.concat(chunks);
  throw new GantryError({
    code: 'data-loss',
    operation: 'read',
    subject: response.url.href,
    message: `${location(response.url)} sent more than ${limit} bytes where a small document was expected`,
  });
}

function secureContext(tls: TlsOptions): SecureContext {
  const read = (file: string): string => {
    try {
      return readFileSync(file, 'utf8');
    } catch (error) {
      throw new GantryError({
        code: 'failed-precondition',
        operation: 'read certificate',
        subject: file,
        message: `cannot read ${file}, which hosts.toml names: ${describeError(error)}`,
        cause: error,
      });
    }
  };
  // Node trusts only its built-in list; people expect what the host trusts.
  const trusted = tls.skipVerify ? [] : [...getCACertificates('default'), ...getCACertificates('system')];
  return createSecureContext({
    ca: [...new Set([...trusted, ...tls.ca.map(read)])],
    cert: tls.client.map((pair) => read(pair.certificate)),
    key: tls.client.map((pair) => read(pair.key)),
  });
}

function onlyHarmless(headers: HttpRequest['headers']): HttpRequest['headers'] {
  const harmless = ['accept', 'accept-encoding', 'range', 'if-range'];
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
