/**
 * Credentials for one repository on one host (docker registry token authentication: distribution docs/spec/auth). Starts
 * anonymous, answers the challenges that come. Credentials go to the host that they are for, and to the token server
 * that this host names, never in the clear from a TLS registry to a plain token server.
 */
import { createHash } from 'node:crypto';
import { GantryError } from '../../base/index.ts';
import type { RegistryAuth } from '../types.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import { isLoopback, type RegistryHost } from './host.ts';
import { type HttpClient, type HttpResponse, readBody } from './http.ts';
import { isTransient, statusError } from './status.ts';

const TOKEN_LIMIT = 1 << 20;
/** A token without `expires_in` lives so long (token spec); one is not used in its last seconds. */
const DEFAULT_LIFETIME_S = 60;
const EXPIRY_MARGIN_S = 5;

interface CachedToken {
  readonly token: string;
  readonly expiresAt: number;
}

/** Tokens of all pulls: the same repository is often asked for again within a token's life. */
export class TokenCache {
  readonly #tokens = new Map<string, CachedToken>();

  get(key: string): string | undefined {
    const cached = this.#tokens.get(key);
    return cached !== undefined && cached.expiresAt > Date.now() ? cached.token : undefined;
  }

  set(key: string, token: string, lifetimeSeconds: number): void {
    const now = Date.now();
    for (const [old, { expiresAt }] of this.#tokens) if (expiresAt <= now) this.#tokens.delete(old);
    this.#tokens.set(key, { token, expiresAt: now + (lifetimeSeconds - EXPIRY_MARGIN_S) * 1000 });
  }

  delete(key: string): void {
    this.#tokens.delete(key);
  }
}

export interface AuthorizerOptions {
  readonly http: HttpClient;
  readonly cache: TokenCache;
  readonly endpoint: RegistryHost;
  /** `repository:library/busybox:pull`; '' where only the challenge knows. */
  readonly scope: string;
  /** Only when they are meant for this host. */
  readonly auth: RegistryAuth | undefined;
}

export class Authorizer {
  readonly #options: AuthorizerOptions;
  readonly #credentials: { readonly user: string; readonly password: string } | undefined;
  #header: string | undefined;
  #cacheKey = '';
  #pending: Promise<boolean> | undefined;

  constructor(options: AuthorizerOptions) {
    this.#options = options;
    this.#credentials = basicCredentials(options.auth);
    const token = options.auth?.registryToken;
    if (token) this.#header = `Bearer ${token}`;
  }

  /** For the next request; undefined: none. */
  get header(): string | undefined {
    return this.#header;
  }

  /**
   * Answers a 401 to a request that carried `used`. True: try again with the new header. Parallel requests share one
   * exchange with the token server.
   */
  async answer(response: HttpResponse, used: string | undefined, signal: AbortSignal): Promise<boolean> {
    if (used !== this.#header) return true;
    this.#pending ??= this.#negotiate(response, used, signal).finally(() => {
      this.#pending = undefined;
    });
    return await this.#pending;
  }

  async #negotiate(response: HttpResponse, used: string | undefined, signal: AbortSignal): Promise<boolean> {
    if (this.#options.auth?.registryToken) return false;
    const challenges = parseChallenges(authenticateHeaders(response));
    const bearer = challenges.find((challenge) => challenge.scheme === 'bearer');
    if (bearer !== undefined) {
      if (used !== undefined && this.#cacheKey !== '') this.#options.cache.delete(this.#cacheKey);
      const token = await this.#bearerToken(bearer, signal);
      const header = `Bearer ${token}`;
      if (header === used) return false;
      this.#header = header;
      return true;
    }
    if (challenges.some((challenge) => challenge.scheme === 'basic') && this.#credentials !== undefined) {
      const header = basicHeader(this.#credentials);
      if (header === used) return false;
      this.#header = header;
      return true;
    }
    return false;
  }

  async #bearerToken(challenge: Challenge, signal: AbortSignal): Promise<string> {
    const { cache, scope, auth, endpoint } = this.#options;
    const { realm = '', service = '' } = challenge.parameters;
    if (!URL.canParse(realm))
      throw this.#failed(`${endpoint.host} names no usable token server ("${realm}")`);
    const scopes = [...new Set([...(challenge.parameters['scope'] ?? '').split(' '), scope])].filter(
      (s) => s !== '',
    );
    const secret = createHash('sha256')
      .update(JSON.stringify([this.#credentials, auth?.identityToken]))
      .digest('hex');
    const key = JSON.stringify([realm, service, scopes, secret]);
    this.#cacheKey = key;
    const cached = cache.get(key);
    if (cached !== undefined) return cached;
    const url = new URL(realm);
    this.#refusePlainCredentials(url);
    const response = auth?.identityToken
      ? await this.#post(url, service, scopes, signal)
      : await this.#get(url, service, scopes, signal);
    if (response.status !== 200) throw await this.#refused(response);
    const { token, lifetime } = parseToken(await readBody(response, TOKEN_LIMIT), () =>
      this.#failed(`token server ${url.host} answered without a token`),
    );
    cache.set(key, token, lifetime);
    return token;
  }

  /** distribution docs/spec/auth/token: anonymous, or Basic. */
  async #get(
    url: URL,
    service: string,
    scopes: readonly string[],
    signal: AbortSignal,
  ): Promise<HttpResponse> {
    if (service !== '') url.searchParams.set('service', service);
    for (const scope of scopes) url.searchParams.append('scope', scope);
    const headers: Record<string, string> = { accept: 'application/json' };
    if (this.#credentials !== undefined) {
      url.searchParams.set('account', this.#credentials.user);
      headers['authorization'] = basicHeader(this.#credentials);
    }
    return await this.#options.http.send({ method: 'GET', url, headers, signal }, this.#connection());
  }

  /** distribution docs/spec/auth/oauth: a refresh token for an access token. */
  async #post(
    url: URL,
    service: string,
    scopes: readonly string[],
    signal: AbortSignal,
  ): Promise<HttpResponse> {
    const body = new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token: this.#options.auth?.identityToken ?? '',
      service,
      client_id: 'gantry',
      scope: scopes.join(' '),
    }).toString();
    const headers = {
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
      'content-length': String(Buffer.byteLength(body)),
    };
    return await this.#options.http.send({ method: 'POST', url, headers, body, signal }, this.#connection());
  }

  /** The registry's TLS options hold for its token server too; the scheme is what the realm says. */
  #connection(): RegistryHost {
    return { ...this.#options.endpoint, fallbackToHttp: false };
  }

  #refusePlainCredentials(url: URL): void {
    const secret = this.#credentials !== undefined || this.#options.auth?.identityToken;
    if (!secret || url.protocol !== 'http:' || isLoopback(url.host)) return;
    if (this.#options.endpoint.scheme === 'http') return;
    throw this.#failed(
      `${this.#options.endpoint.host} wants the credentials sent to ${url.origin} without TLS; refused`,
    );
  }

  async #refused(response: HttpResponse): Promise<GantryError> {
    const error = await statusError(
      response,
      `token for ${this.#options.scope || this.#options.endpoint.host}`,
    );
    if (isTransient(response.status)) return error;
    return this.#failed(error.message, error);
  }

  #failed(message: string, cause?: unknown): GantryError {
    const { host } = this.#options.endpoint;
    return new GantryError({
      code: 'unauthenticated',
      operation: 'authenticate',
      subject: host,
      message: `authentication at ${host} failed: ${message}`,
      cause,
    });
  }
}

function authenticateHeaders(response: HttpResponse): string[] {
  const raw = response.body.rawHeaders;
  return raw.filter((_value, i) => i % 2 === 1 && raw[i - 1]?.toLowerCase() === 'www-authenticate');
}

function basicCredentials(auth: RegistryAuth | undefined): { user: string; password: string } | undefined {
  if (auth === undefined) return undefined;
  if (auth.username) return { user: auth.username, password: auth.password ?? '' };
  if (!auth.auth) return undefined;
  const decoded = Buffer.from(auth.auth, 'base64').toString();
  const colon = decoded.indexOf(':');
  if (colon <= 0) {
    throw new GantryError({
      code: 'invalid-argument',
      operation: 'authenticate',
      message: 'the "auth" field of the registry credentials is not base64 of user:password',
    });
  }
  // Docker's own files pad the password with NULs.
  return { user: decoded.slice(0, colon), password: decoded.slice(colon + 1).replace(/\0+$/, '') };
}

function basicHeader({ user, password }: { user: string; password: string }): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

function parseToken(body: Buffer, failed: () => GantryError): { token: string; lifetime: number } {
  let document: unknown;
  try {
    document = JSON.parse(body.toString());
  } catch {
    throw failed();
  }
  const fields = (typeof document === 'object' && document !== null ? document : {}) as Record<
    string,
    unknown
  >;
  const token = fields['token'] || fields['access_token'];
  if (typeof token !== 'string' || token === '' || /[^\x21-\x7e]/.test(token)) throw failed();
  const expires = fields['expires_in'];
  return { token, lifetime: typeof expires === 'number' && expires > 0 ? expires : DEFAULT_LIFETIME_S };
}
