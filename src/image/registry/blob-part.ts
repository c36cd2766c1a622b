/** A blob, or what is left of it after a transfer that broke, as a response brings it. */
import type { Readable } from 'node:stream';
import { GantryError } from '../../base/index.ts';
import { decodedBody, isEncoded } from './content-encoding.ts';
import type { RegistryHost } from './host.ts';
import type { HttpResponse } from './http.ts';

/** What a descriptor says of a blob. */
export interface WantedBlob {
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
  /** Where else it can be had. */
  readonly urls: readonly string[];
}

/** A blob's bytes from `offset` on. */
export interface BlobPart {
  readonly body: Readable;
  readonly endpoint: RegistryHost;
  /** What the stream begins with: 0 where the server ignored the range. */
  readonly offset: number;
  /** Bytes of the whole blob, where the server says so. */
  readonly total: number | undefined;
  /** A strong validator for If-Range, with the address that it came from. */
  readonly validator: { readonly etag: string; readonly href: string } | undefined;
  /** False where ranges are of other bytes than these: the server coded what nobody asked it to. */
  readonly hasRanges: boolean;
}

/** What to ask `host` for when `offset` bytes have arrived, the last of them with `previous`. */
export function partHeaders(
  host: RegistryHost,
  offset: number,
  previous: BlobPart | undefined,
): Record<string, string> {
  const same = previous?.endpoint === host ? previous : undefined;
  if (offset === 0 || same?.hasRanges === false) return {};
  const etag = same?.validator?.etag;
  return { range: `bytes=${offset}-`, ...(etag === undefined ? {} : { 'if-range': etag }) };
}

/** Of a response with status 200 or 206. */
export function describePart(
  response: HttpResponse,
  offset: number,
  endpoint: RegistryHost,
  subject: string,
): BlobPart {
  const { headers, status, url } = response;
  const encoded = isEncoded(response);
  // The length, the ranges and the entity tag are those of the coded bytes then.
  if (encoded && status === 200)
    return {
      body: decodedBody(response),
      endpoint,
      offset: 0,
      total: undefined,
      validator: undefined,
      hasRanges: false,
    };
  const { body } = response;
  const etag = headers.etag;
  const validator = etag !== undefined && !etag.startsWith('W/') ? { etag, href: url.href } : undefined;
  if (status === 200) {
    const length = headers['content-length'];
    return {
      body,
      endpoint,
      offset: 0,
      total: length === undefined ? undefined : Number(length),
      validator,
      hasRanges: true,
    };
  }
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers['content-range'] ?? '');
  if (range === null || Number(range[1]) !== offset || encoded) {
    body.destroy();
    throw new GantryError({
      code: 'unavailable',
      operation: 'fetch from registry',
      subject,
      message: `${subject}: ${url.host} answered with range "${headers['content-range']}" instead of bytes from ${offset} on`,
    });
  }
  return {
    body,
    endpoint,
    offset,
    total: range[2] === '*' ? undefined : Number(range[2]),
    validator,
    hasRanges: true,
  };
}
