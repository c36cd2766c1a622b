/**
 * One repository of one registry, for the length of one pull: its endpoints (mirrors first, the registry last), what
 * they want for authentication, and the three things a pull asks for: a manifest, a small blob, a blob's stream.
 * OCI distribution-spec, section Pull.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { errorCode, GantryError, type Logger } from '../../base/index.ts';
import { verifiedDigest } from '../digest.ts';
import { nameOf, type Reference } from '../reference.ts';
import type { RegistryAuth } from '../types.ts';
import type { TokenCache } from './authorizer.ts';
import { Endpoint } from './endpoint.ts';
import type { Capability, RegistryHost } from './host.ts';
import { type HttpClient, type HttpResponse, readBody } from './http.ts';
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

/** A blob's bytes from `offset` on. */
export interface BlobPart {
  readonly body: IncomingMessage;
  readonly endpoint: RegistryHost;
  /** What the stream begins with: 0 where the server ignored the range. */
  readonly offset: number;
  /** Bytes of the whole blob, where the server says so. */
  readonly total: number | undefined;
  /** A strong validator for If-Range, with the address that it came from. */
  readonly validator: { readonly etag: string; readonly href: string } | undefined;
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

  /** By tag or digest; the bytes are what the digest says, or 'data-loss'. */
  async manifest(target: { tag?: string; digest?: string }, signal: AbortSignal): Promise<Document> {
    const { reference } = this.#options;
    const name = target.digest ?? target.tag ?? 'latest';
    const subject = `${nameOf(reference)}${target.digest === undefined ? ':' : '@'}${name}`;
    const capability = target.digest === undefined ? 'resolve' : 'pull';
    return await this.#eachEndpoint(capability, subject, async (endpoint) => {
      const response = await endpoint.get(`manifests/${name}`, { accept: manifestTypes }, signal);
      if (response.status !== 200) throw await statusError(response, subject);
      const bytes = await readBody(response, DOCUMENT_LIMIT);
      const claimed = target.digest ?? singleHeader(response.headers['docker-content-digest']);
      const digest = verifiedDigest(bytes, claimed, `manifest ${subject} from ${endpoint.host.host}`);
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
      return bytes;
    });
  }

  /** A blob as a socket that another process can read to its end, from the endpoint that is asked first; see direct.ts. */
  async openDirect(digest: string, size: number, signal: AbortSignal): Promise<Socket | undefined> {
    const endpoint = this.#endpoints.find((e) => e.host.capabilities.has('pull'));
    return await endpoint?.direct(`blobs/${digest}`, size, signal);
  }

  /** A blob's stream from `offset`; endpoints in `except` are not asked. */
  async openBlob(
    digest: string,
    offset: number,
    previous: BlobPart | undefined,
    except: ReadonlySet<RegistryHost>,
    signal: AbortSignal,
  ): Promise<BlobPart> {
    const subject = `${nameOf(this.#options.reference)}@${digest}`;
    return await this.#eachEndpoint(
      'pull',
      subject,
      async (endpoint) => {
        const headers: Record<string, string> = { 'accept-encoding': 'identity' };
        if (offset > 0) headers['range'] = `bytes=${offset}-`;
        if (offset > 0 && previous?.validator && previous.endpoint === endpoint.host) {
          headers['if-range'] = previous.validator.etag;
        }
        const response = await endpoint.get(`blobs/${digest}`, headers, signal);
        if (response.status !== 200 && response.status !== 206) throw await statusError(response, subject);
        return describePart(response, offset, endpoint.host, subject);
      },
      except,
    );
  }

  /** Whether a blob can be asked for elsewhere than at `except`. */
  hasEndpointsBut(except: ReadonlySet<RegistryHost>): boolean {
    return this.#endpoints.some((e) => e.host.capabilities.has('pull') && !except.has(e.host));
  }

  /** The first endpoint that succeeds is asked first from then on. The registry's own error counts, then a mirror's. */
  async #eachEndpoint<T>(
    capability: Capability,
    subject: string,
    ask: (endpoint: Endpoint) => Promise<T>,
    except?: ReadonlySet<RegistryHost>,
  ): Promise<T> {
    const able = this.#endpoints.filter((e) => e.host.capabilities.has(capability) && !except?.has(e.host));
    let failure: unknown;
    for (const endpoint of able) {
      try {
        const result = await ask(endpoint);
        this.#prefer(endpoint);
        return result;
      } catch (error) {
        if (errorCode(error) === 'cancelled') throw error;
        if (failure === undefined || endpoint.last) failure = error;
        this.#options.log.debug(
          { host: endpoint.host.host, subject, error: String(error) },
          'registry endpoint failed',
        );
      }
    }
    throw failure ?? noEndpoint(capability, subject, this.#options.reference.host);
  }

  #prefer(endpoint: Endpoint): void {
    const at = this.#endpoints.indexOf(endpoint);
    if (at > 0) this.#endpoints.unshift(...this.#endpoints.splice(at, 1));
  }
}

function describePart(
  response: HttpResponse,
  offset: number,
  endpoint: RegistryHost,
  subject: string,
): BlobPart {
  const { headers, status, url, body } = response;
  const etag = headers.etag;
  const validator = etag !== undefined && !etag.startsWith('W/') ? { etag, href: url.href } : undefined;
  if (status === 200) {
    const length = headers['content-length'];
    return { body, endpoint, offset: 0, total: length === undefined ? undefined : Number(length), validator };
  }
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers['content-range'] ?? '');
  if (range === null || Number(range[1]) !== offset) {
    body.destroy();
    throw new GantryError({
      code: 'unavailable',
      operation: 'fetch from registry',
      subject,
      message: `${subject}: ${url.host} answered with range "${headers['content-range']}" instead of bytes from ${offset} on`,
    });
  }
  return { body, endpoint, offset, total: range[2] === '*' ? undefined : Number(range[2]), validator };
}

function singleHeader(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
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
