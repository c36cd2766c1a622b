import { constants, createDeflate, createInflate, type Deflate, type Inflate } from 'node:zlib';
import { spdyDictionary } from './dictionary.ts';

/** Names are lower case; a repeated header's values are joined by NUL on the wire, of which the first counts here. */
export type Headers = Readonly<Record<string, string>>;

/** What one block may inflate to: our headers are a few dozen bytes, and a zip bomb must not become memory. */
const maxBlock = 64 * 1024;

/**
 * Header blocks of one direction of one connection share a zlib stream (SPDY/3.1, section 2.6.10), so they must pass
 * through here in the order of the wire.
 */
export class HeaderReader {
  readonly #inflate: Inflate = createInflate({
    dictionary: spdyDictionary,
    finishFlush: constants.Z_SYNC_FLUSH,
  });
  #collected: Buffer[] = [];
  #size = 0;

  constructor() {
    this.#inflate.on('data', (chunk: Buffer) => {
      this.#size += chunk.length;
      if (this.#size <= maxBlock) this.#collected.push(chunk);
    });
    this.#inflate.on('error', () => undefined);
  }

  /** @throws when the block is not zlib, too large, or not a list of name and value. */
  async read(block: Buffer): Promise<Headers> {
    this.#collected = [];
    this.#size = 0;
    await new Promise<void>((resolve, reject) => {
      this.#inflate.once('error', reject);
      this.#inflate.write(block, () => {
        this.#inflate.off('error', reject);
        resolve();
      });
    });
    if (this.#size > maxBlock) throw new Error(`SPDY header block inflates to more than ${maxBlock} bytes`);
    return parseHeaders(Buffer.concat(this.#collected));
  }

  close(): void {
    this.#inflate.destroy();
  }
}

export class HeaderWriter {
  readonly #deflate: Deflate = createDeflate({ dictionary: spdyDictionary });
  #collected: Buffer[] = [];

  constructor() {
    this.#deflate.on('data', (chunk: Buffer) => this.#collected.push(chunk));
    this.#deflate.on('error', () => undefined);
  }

  async write(headers: Headers): Promise<Buffer> {
    this.#collected = [];
    await new Promise<void>((resolve, reject) => {
      this.#deflate.once('error', reject);
      this.#deflate.write(serializeHeaders(headers));
      this.#deflate.flush(constants.Z_SYNC_FLUSH, () => {
        this.#deflate.off('error', reject);
        resolve();
      });
    });
    return Buffer.concat(this.#collected);
  }

  close(): void {
    this.#deflate.destroy();
  }
}

export function serializeHeaders(headers: Headers): Buffer {
  const parts: Buffer[] = [uint32(Object.keys(headers).length)];
  for (const [name, value] of Object.entries(headers)) {
    for (const text of [name.toLowerCase(), value]) {
      const bytes = Buffer.from(text);
      parts.push(uint32(bytes.length), bytes);
    }
  }
  return Buffer.concat(parts);
}

export function parseHeaders(block: Buffer): Headers {
  const headers: Record<string, string> = {};
  let at = 0;
  const next = (): string => {
    if (at + 4 > block.length) throw new Error('SPDY header block ends within a length');
    const length = block.readUInt32BE(at);
    if (length > block.length - at - 4) throw new Error('SPDY header block ends within a value');
    const text = block.toString('utf8', at + 4, at + 4 + length);
    at += 4 + length;
    return text;
  };
  if (block.length < 4) throw new Error('SPDY header block without a count');
  const count = block.readUInt32BE(0);
  at = 4;
  for (let i = 0; i < count; i++) {
    const name = next();
    headers[name.toLowerCase()] = next().split('\0')[0] ?? '';
  }
  return headers;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
