import { GantryError } from '../base/index.ts';

/**
 * Cuts a byte stream into length-prefixed frames (32-bit big-endian length, then that many bytes). Feed it chunks as they
 * come; whole frames go to `deliver`. Throws data-loss on a frame longer than `limit`: the connection is of no use then.
 */
export class FrameReader {
  readonly #deliver: (body: Buffer) => void;
  readonly #limit: number;
  #chunks: Buffer[] = [];
  #length = 0;

  constructor(limit: number, deliver: (body: Buffer) => void) {
    this.#limit = limit;
    this.#deliver = deliver;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    while (this.#length >= 4) {
      const need = 4 + this.#frameLength();
      if (this.#length < need) return;
      this.#deliver(this.#take(need).subarray(4));
    }
  }

  #frameLength(): number {
    if ((this.#chunks[0]?.length ?? 0) < 4) this.#chunks = [Buffer.concat(this.#chunks)];
    const length = this.#chunks[0]?.readUInt32BE(0) ?? 0;
    if (length > this.#limit) {
      throw new GantryError({
        code: 'data-loss',
        operation: 'read frame',
        message: `a frame of ${length} bytes is above the limit of ${this.#limit}: the peer does not speak this protocol`,
      });
    }
    return length;
  }

  #take(count: number): Buffer {
    const all = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks);
    const whole = all ?? Buffer.alloc(0);
    const rest = whole.subarray(count);
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#length = rest.length;
    return whole.subarray(0, count);
  }
}
