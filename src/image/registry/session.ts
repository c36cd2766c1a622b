/**
 * One repository of one registry, for the length of one pull: its endpoints (mirrors first, the registry last), what
 * they want for authentication, and the three things a pull asks for: a manifest, a small blob, a blob's stream.
 * OCI distribution-spec, section Pull.
 */
import { describeError, errorCode, GantryError, type Logger } from '../../base/index.ts';
import { verifiedDigest } from '../digest.ts';
import { nameOf, type Reference } from '../reference.ts';
import type { RegistryAuth } from '../types.ts';
import type { TokenCache } from './authorizer.ts';
import { type BlobPart, describePart, partHeaders, type WantedBlob } from './blob-part.ts';
import { Endpoint } from './endpoint.ts';
import { ExternalBlob, usableUrls } from './external.ts';
import type { Capability, RegistryHost } from './host.ts';
import { discard, type HttpClient, type HttpResponse, readBody } from './http.ts';
import { statusError } from './status.ts';

/** distribution-spec asks registries for at least 4 MiB; nobody sane makes larger ones than 8. */
export const DOCUMENT_LIMIT = 8 << 20;

const manifestTypes = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/json;q=0.5',
  '*/*;q=0.1',
].join(', ');

export interface Document {
  readonly digest: string;
  /** Content-Type as sent. */
  readonly mediaType: string;
  readonly bytes: Buffer;
}

export interface SessionOptions {
  readonly http: HttpClient;
  readonly tokens: TokenCache;
  readonly hosts: readonly RegistryHost[];
  readonly reference: Reference;
  readonly auth: RegistryAuth | undefined;
  readonly log: Logger;
}

export class RegistrySession {
  readonly #options: SessionOptions;
  readonly #endpoints: Endpoint[];
  /** By address: the same object for the same address, since transfers remember whom not to ask again. */
  readonly #external = new Map<string, ExternalBlob>();

  constructor(options: SessionOptions) {
    this.#options = options;
    const { http, tokens, reference, auth, hosts } = options;
    this.#endpoints = hosts.map((host, i) => {
      const last = i === hosts.length - 1;
      const registry = hosts.at(-1);
      const own = host.scheme === registry?.scheme && host.host === registry.host;
      return new Endpoint({ http, tokens, host, last, own, reference, auth });
    });
  }

  /**
   * By tag or digest; the bytes are what the digest says, or 'data-loss'. Where a mirror comes first that may not say what
   * a tag means, the others are asked for the digest only, and the mirror then serves it.
   */
  async manifest(
    target: { tag?: string; digest?: string; size?: number },
    signal: AbortSignal,
  ): Promise<Document> {
    const { reference } = this.#options;
    if (target.digest === undefined && this.#contentIsElsewhere()) {
      const digest = await this.#resolve(target.tag ?? 'latest', signal);
      if (digest !== undefined) return await this.manifest({ digest }, signal);
    }
    const name = target.digest ?? target.tag ?? 'latest';
    const subject = `${nameOf(reference)}${target.digest === undefined ? ':' : '@'}${name}`;
    const capability = target.digest === undefined ? 'resolve' : 'pull';
    return await this.#eachEndpoint(capability, subject, async (endpoint) => {
      const response = await endpoint.get(`manifests/${name}`, { accept: manifestTypes }, signal);
      if (response.status !== 200) throw await statusError(response, subject);
      const bytes = await readBody(response, DOCUMENT_LIMIT);
      const claimed = target.digest ?? singleHeader(response.headers['docker-content-digest']);
      const digest = verifiedDigest(bytes, claimed, `manifest ${subject} from ${endpoint.host.host}`);
      checkSize(bytes, target.size, subject);
      return {
        digest,
        bytes,
        mediaType: (response.headers['content-type'] ?? '').split(';')[0]?.trim() ?? '',
      };
    });
  }

  /** A small blob, whole and verified. */
  async blob(digest: string, size: number, signal: AbortSignal): Promise<Buffer> {
    const subject = `${nameOf(this.#options.reference)}@${digest}`;
    if (size > DOCUMENT_LIMIT) throw tooLarge(subject, size);
    return await this.#eachEndpoint('pull', subject, async (endpoint) => {
      const response = await endpoint.get(`blobs/${digest}`, {}, signal);
      if (response.status !== 200) throw await statusError(response, subject);
      const bytes = await readBody(response, DOCUMENT_LIMIT);
      verifiedDigest(bytes, digest, `blob ${subject} from ${endpoint.host.host}`);
      checkSize(bytes, size, subject);
      return bytes;
    });
  }

  /** A blob's stream from `offset`; endpoints in `except` are not asked. */
  async openBlob(
    blob: WantedBlob,
    offset: number,
    previous: BlobPart | undefined,
    except: ReadonlySet<RegistryHost>,
    signal: AbortSignal,
  ): Promise<BlobPart> {
    const { digest } = blob;
    const subject = `${nameOf(this.#options.reference)}@${digest}`;
    const part = async (response: HttpResponse, host: RegistryHost): Promise<BlobPart> => {
      if (response.status !== 200 && response.status !== 206) throw await statusError(response, subject);
      return describePart(response, offset, host, subject);
    };
    try {
      const ask = async (endpoint: Endpoint): Promise<BlobPart> => {
        const { host } = endpoint;
        return await part(
          await endpoint.get(`blobs/${digest}`, partHeaders(host, offset, previous), signal),
          host,
        );
      };
      return await this.#eachEndpoint('pull', subject, ask, except);
    } catch (error) {
      if (errorCode(error) !== 'not-found') throw error;
      for (const external of this.#externalOf(blob, except)) {
        const found = await this.#tryExternal(external, async () =>
          part(await external.get(partHeaders(external.host, offset, previous), signal), external.host),
        );
        if (found !== undefined) return found;
      }
      throw error;
    }
  }

  #externalOf({ urls }: WantedBlob, except: ReadonlySet<RegistryHost>): ExternalBlob[] {
    return usableUrls(urls)
      .map((url) => {
        const known = this.#external.get(url.href) ?? new ExternalBlob(this.#options.http, url);
        this.#external.set(url.href, known);
        return known;
      })
      .filter(({ host }) => !except.has(host));
  }

  /** Undefined when it fails: the registry's own word, that it lacks the blob, then counts. */
  async #tryExternal(external: ExternalBlob, ask: () => Promise<BlobPart>): Promise<BlobPart | undefined> {
    try {
      return await ask();
    } catch (error) {
      if (errorCode(error) === 'cancelled') throw error;
      this.#options.log.warn(
        { host: external.host.host, error: String(error) },
        'a layer is not where its descriptor says',
      );
      return undefined;
    }
  }

  /** Whether an endpoint that serves content and resolves no tags is asked before all that do. */
  #contentIsElsewhere(): boolean {
    const first = this.#endpoints.find(
      ({ host }) => host.capabilities.has('pull') || host.capabilities.has('resolve'),
    );
    return first !== undefined && !first.host.capabilities.has('resolve');
  }

  /** What a tag means now; undefined when the registry does not say (distribution-spec: it need not). */
  async #resolve(tag: string, signal: AbortSignal): Promise<string | undefined> {
    const subject = `${nameOf(this.#options.reference)}:${tag}`;
    return await this.#eachEndpoint('resolve', subject, async (endpoint) => {
      const response = await endpoint.head(`manifests/${tag}`, { accept: manifestTypes }, signal);
      if (response.status !== 200) throw await statusError(response, subject);
      discard(response.body);
      return singleHeader(response.headers['docker-content-digest']);
    });
  }

  /** Whether a blob can be asked for elsewhere than at `except`. */
  hasEndpointsBut(except: ReadonlySet<RegistryHost>): boolean {
    return this.#endpoints.some((e) => e.host.capabilities.has('pull') && !except.has(e.host));
  }

  /** Those that fail come after the one that succeeds from then on. The registry's own error counts, then a mirror's. */
  async #eachEndpoint<T>(
    capability: Capability,
    subject: string,
    ask: (endpoint: Endpoint) => Promise<T>,
    except?: ReadonlySet<RegistryHost>,
  ): Promise<T> {
    const failed: Endpoint[] = [];
    const mirrors: string[] = [];
    const able = this.#endpoints.filter((e) => e.host.capabilities.has(capability) && !except?.has(e.host));
    let failure: unknown;
    for (const endpoint of able) {
      try {
        const result = await ask(endpoint);
        this.#prefer(endpoint, failed);
        return result;
      } catch (error) {
        if (errorCode(error) === 'cancelled') throw error;
        failed.push(endpoint);
        if (failure === undefined || endpoint.last) failure = error;
        if (!endpoint.last) mirrors.push(describeError(error));
        this.#options.log.debug(
          { host: endpoint.host.host, subject, error: String(error) },
          'registry endpoint failed',
        );
      }
    }
    if (failure === undefined) throw noEndpoint(capability, subject, this.#options.reference.host);
    throw able.at(-1)?.last === true ? withMirrors(failure, mirrors) : failure;
  }

  #prefer(endpoint: Endpoint, failed: readonly Endpoint[]): void {
    const rest = this.#endpoints.filter((other) => !failed.includes(other));
    rest.splice(rest.indexOf(endpoint) + 1, 0, ...failed);
    this.#endpoints.splice(0, this.#endpoints.length, ...rest);
  }
}

/** The registry's own answer, and why none of its mirrors had one: a mistake in hosts.toml shows nowhere else. */
function withMirrors(error: unknown, mirrors: readonly string[]): unknown {
  if (mirrors.length === 0 || !(error instanceof GantryError)) return error;
  const { code, operation, subject = '', message, cause } = error;
  const whole = `${message} (mirrors: ${mirrors.join('; ')})`;
  return new GantryError({ code, operation, subject, message: whole, cause });
}

function singleHeader(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

/** A descriptor with the right digest and another size is not to be believed in anything else. */
function checkSize(bytes: Buffer, size: number | undefined, subject: string): void {
  if (size === undefined || bytes.length === size) return;
  throw new GantryError({
    code: 'data-loss',
    operation: 'fetch from registry',
    subject,
    message: `${subject} has ${bytes.length} bytes where its descriptor says ${size}`,
  });
}

function tooLarge(subject: string, size: number): GantryError {
  return new GantryError({
    code: 'data-loss',
    operation: 'fetch from registry',
    subject,
    message: `${subject} has ${size} bytes; a document of an image has at most ${DOCUMENT_LIMIT}`,
  });
}

function noEndpoint(capability: Capability, subject: string, registry: string): GantryError {
  return new GantryError({
    code: 'unavailable',
    operation: 'fetch from registry',
    subject,
    message: `${subject}: no endpoint of ${registry} may ${capability}; see its hosts.toml`,
  });
}
