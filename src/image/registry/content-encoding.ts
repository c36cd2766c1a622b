/**
 * `Content-Encoding` (RFC 9110, section 8.4). Gantry asks for `identity`, but a server or something in between may send a
 * coding all the same; what comes decoded is bounded by whoever reads it.
 */
import type { IncomingMessage } from 'node:http';
import { type Duplex, pipeline, type Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib';
import { GantryError } from '../../base/index.ts';

const decoders: Readonly<Record<string, () => Duplex>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
  zstd: createZstdDecompress,
};

/** Nobody applies more to one body. */
const CODINGS_LIMIT = 3;

/** The part of a response that says how its body is encoded. */
interface Encoded {
  readonly headers: IncomingMessage['headers'];
  readonly body: IncomingMessage;
  readonly url: URL;
}

export function isEncoded(response: Encoded): boolean {
  return codingsOf(response).length > 0;
}

/** The body as it was before any coding. Destroying it destroys the response's; 'unimplemented' for an unknown coding. */
export function decodedBody(response: Encoded): Readable {
  const codings = codingsOf(response);
  if (codings.length === 0) return response.body;
  // The coding that was applied last is listed last.
  const chain = codings.toReversed().map((coding) => decoders[coding]?.());
  const known = chain.filter((decoder) => decoder !== undefined);
  if (known.length < chain.length || chain.length > CODINGS_LIMIT) {
    response.body.destroy();
    throw new GantryError({
      code: 'unimplemented',
      operation: 'read response',
      subject: response.url.host,
      message: `${response.url.host} sent Content-Encoding "${codings.join(', ')}", which nobody asked for and gantry does not know`,
    });
  }
  const last = known.at(-1);
  if (last === undefined) return response.body;
  // Errors of all stages arrive at the last one.
  pipeline([response.body, ...known], (error) => {
    if (error) last.destroy(error);
  });
  return last;
}

/** Whether a stream failed because its bytes are not what the header said. */
export function isDecodingError(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return /^(Z_|ERR__ERROR|ERR_BROTLI|ERR_ZLIB|ZSTD_)/.test(code);
}

function codingsOf(response: Encoded): string[] {
  return (response.headers['content-encoding'] ?? '')
    .split(',')
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== '' && coding !== 'identity');
}
