/** One endpoint of a session: requests below its repository, with authentication and retries. */
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { errno, errorCode, GantryError } from '../../base/index.ts';
import type { Reference } from '../reference.ts';
import type { RegistryAuth } from '../types.ts';
import { Authorizer, type TokenCache } from './authorizer.ts';
import { openDirect } from './direct.ts';
import { isMirror, type RegistryHost } from './host.ts';
import type { HttpClient, HttpResponse } from './http.ts';
import { isTransient, retryAfterMs } from './status.ts';

/** Tries after the first on the last endpoint; a mirror gets one, since there is another place to ask. */
const RETRIES = 4;
const BACKOFF_MS = 250;
const RETRY_AFTER_LIMIT_MS = 60_000;

export interface EndpointOptions {
  readonly http: HttpClient;
  readonly tokens: TokenCache;
  readonly host: RegistryHost;
  /** The registry itself, after its mirrors. */
  readonly last: boolean;
  /** The registry's own server, whether or not it is named as a mirror too. */
  readonly own: boolean;
  readonly reference: Reference;
  readonly auth: RegistryAuth | undefined;
}

export class Endpoint {
  readonly host: RegistryHost;
  readonly last: boolean;
  readonly #http: HttpClient;
  readonly #reference: Reference;
  readonly #authorizer: Authorizer;

  constructor({ http, tokens, host, last, own, reference, auth }: EndpointOptions) {
    this.host = host;
    this.last = last;
    this.#http = http;
    this.#reference = reference;
    const meant = isMeantFor(auth, host, own, reference.host);
    const scope = `repository:${reference.repository}:pull`;
    this.#authorizer = new Authorizer({ http, cache: tokens, endpoint: host, scope, auth: meant });
  }

  /** GET of a path below the repository: authenticated, retried when the registry asks for patience. */
  async get(path: string, headers: Record<string, string>, signal: AbortSignal): Promise<HttpResponse> {
    const retries = this.last ? RETRIES : 1;
    for (let attempt = 0; ; attempt++) {
      let wait: number | undefined;
      try {
        const response = await this.#authorized(path, headers, signal);
        if (!isTransient(response.status) || attempt >= retries) return response;
        wait = retryAfterMs(response.headers['retry-after'], Date.now());
        if (wait !== undefined && wait > RETRY_AFTER_LIMIT_MS) return response;
        response.body.destroy();
      } catch (error) {
        if (attempt >= retries || !isWorthRetrying(error)) throw error;
      }
      await pause(wait ?? BACKOFF_MS * 2 ** attempt * (0.75 + Math.random() / 2), signal);
    }
  }

  /** A socket at the first byte of a blob's body, where that can be had at once; see direct.ts. */
  async direct(path: string, size: number, signal: AbortSignal): Promise<Socket | undefined> {
    const url = this.#url(path);
    if (!this.#http.isPlain(url, this.host)) return undefined;
    return await openDirect({
      url,
      headers: this.#headers({}),
      size,
      timeoutMs: this.host.dialTimeoutMs,
      signal,
    });
  }

  #url(path: string): URL {
    const { host } = this;
    const url = new URL(`${host.scheme}://${host.host}${host.path}/${this.#reference.repository}/${path}`);
    if (isMirror(host, this.#reference.host)) url.searchParams.set('ns', this.#reference.host);
    return url;
  }

  #headers(headers: Record<string, string>): Record<string, string | readonly string[]> {
    const used = this.#authorizer.header;
    return { ...this.host.headers, ...headers, ...(used === undefined ? {} : { authorization: used }) };
  }

  async #authorized(
    path: string,
    headers: Record<string, string>,
    signal: AbortSignal,
  ): Promise<HttpResponse> {
    const url = this.#url(path);
    // Twice: a token out of the cache may have been revoked.
    for (let challenges = 0; ; challenges++) {
      const used = this.#authorizer.header;
      const response = await this.#http.send(
        { method: 'GET', url, headers: this.#headers(headers), signal },
        this.host,
      );
      if (response.status !== 401 || challenges === 2) return response;
      if (!(await this.#authorizer.answer(response, used, signal))) return response;
      response.body.resume();
    }
  }
}

/**
 * Credentials are for the registry that the image is named after, or for the one that they name themselves. A mirror is
 * somebody else: it gets its own, by hosts.toml's `header`.
 */
function isMeantFor(
  auth: RegistryAuth | undefined,
  host: RegistryHost,
  own: boolean,
  registry: string,
): RegistryAuth | undefined {
  if (!auth?.serverAddress) return own ? auth : undefined;
  const address = auth.serverAddress.replace(/^https?:\/\//, '').split('/')[0] ?? '';
  const canonical = (name: string): string =>
    ['index.docker.io', 'registry-1.docker.io'].includes(name) ? 'docker.io' : name;
  const target = canonical(address);
  return target === canonical(host.host) || (own && target === canonical(registry)) ? auth : undefined;
}

/** A refused connection or an unknown name will be the same in a second, and the caller has a back-off of its own. */
function isWorthRetrying(error: unknown): boolean {
  if (errorCode(error) !== 'unavailable' || !(error instanceof GantryError)) return false;
  const name = errno(error.cause);
  return name === 'ECONNRESET' || name === 'EPIPE';
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch (cause) {
    throw new GantryError({
      code: 'cancelled',
      operation: 'request',
      message: 'the pull was cancelled',
      cause,
    });
  }
}
