/** One endpoint of a session: requests below its repository, with authentication and retries. */
import { setTimeout as sleep } from 'node:timers/promises';
import { errno, errorCode, GantryError } from '../../base/index.ts';
import type { Reference } from '../reference.ts';
import type { RegistryAuth } from '../types.ts';
import { Authorizer, type TokenCache } from './authorizer.ts';
import { isMirror, type RegistryHost } from './host.ts';
import { discard, type HttpClient, type HttpResponse } from './http.ts';
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
  /** Of the origins that the registry redirects to, made when one of them asks. */
  readonly #elsewhere = new Map<string, Authorizer>();
  readonly #tokens: TokenCache;
  readonly #auth: RegistryAuth | undefined;

  constructor({ http, tokens, host, last, own, reference, auth }: EndpointOptions) {
    this.host = host;
    this.last = last;
    this.#http = http;
    this.#reference = reference;
    this.#tokens = tokens;
    this.#auth = auth;
    const meant = isMeantFor(auth, host, own, reference.host);
    const scope = `repository:${reference.repository}:pull`;
    this.#authorizer = new Authorizer({ http, cache: tokens, endpoint: host, scope, auth: meant });
  }

  /** GET of a path below the repository: authenticated, retried when the registry asks for patience. */
  get(path: string, headers: Record<string, string>, signal: AbortSignal): Promise<HttpResponse> {
    return this.#patiently('GET', path, headers, signal);
  }

  /** HEAD, in the same way. */
  head(path: string, headers: Record<string, string>, signal: AbortSignal): Promise<HttpResponse> {
    return this.#patiently('HEAD', path, headers, signal);
  }

  async #patiently(
    method: 'GET' | 'HEAD',
    path: string,
    headers: Record<string, string>,
    signal: AbortSignal,
  ): Promise<HttpResponse> {
    const retries = this.last ? RETRIES : 1;
    for (let attempt = 0; ; attempt++) {
      let wait: number | undefined;
      try {
        const response = await this.#authorized(method, path, headers, signal);
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

  #url(path: string): URL {
    const { host } = this;
    const url = new URL(`${host.scheme}://${host.host}${host.path}/${this.#reference.repository}/${path}`);
    if (isMirror(host, this.#reference.host)) url.searchParams.set('ns', this.#reference.host);
    return url;
  }

  async #authorized(
    method: 'GET' | 'HEAD',
    path: string,
    headers: Record<string, string>,
    signal: AbortSignal,
  ): Promise<HttpResponse> {
    const url = this.#url(path);
    const { origin } = url;
    const authorizerOf = (asked: URL): Authorizer | undefined =>
      asked.origin === origin ? this.#authorizer : this.#elsewhere.get(asked.origin);
    // Twice for each of two hosts: a token out of the cache may have been revoked, and a redirect may lead to a host that
    // wants one of its own.
    for (let challenges = 0; ; challenges++) {
      const used = new Map<string, string | undefined>();
      const authorization = (asked: URL): string | undefined => {
        const header = authorizerOf(asked)?.header;
        used.set(asked.origin, header);
        return header;
      };
      const all = { ...this.host.headers, ...headers };
      const response = await this.#http.send({ method, url, headers: all, authorization, signal }, this.host);
      if (response.status !== 401 || challenges === 4) return response;
      const authorizer = authorizerOf(response.url) ?? this.#makeAuthorizer(response.url);
      if (!(await authorizer.answer(response, used.get(response.url.origin), signal))) return response;
      discard(response.body);
    }
  }

  /** Anonymous, unless the credentials name that very host. */
  #makeAuthorizer(url: URL): Authorizer {
    const { scheme, host } = { scheme: url.protocol === 'http:' ? 'http' : 'https', host: url.host } as const;
    const { tls, ...rest } = this.host;
    const endpoint = { ...rest, scheme, host, tls: { ...tls, client: [] }, headers: {}, proxy: undefined };
    const authorizer = new Authorizer({
      http: this.#http,
      cache: this.#tokens,
      endpoint,
      // Under which name that host knows the blob, only its challenge says.
      scope: '',
      auth: isMeantFor(this.#auth, endpoint, false, this.#reference.host),
    });
    this.#elsewhere.set(url.origin, authorizer);
    return authorizer;
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
