/** What the wire format (protobuf.dev, Encoding) calls wire types; groups (3 and 4) are only ever skipped. */
export const VARINT = 0;
export const FIXED64 = 1;
export const DELIMITED = 2;
const START_GROUP = 3;
const END_GROUP = 4;
const FIXED32 = 5;

/** Groups inside of groups, at most: what is skipped must not use up the stack. */
const deepestGroup = 100;

/** Reads values one after the other. Every method throws a RangeError where the bytes end too early. */
export class Reader {
  readonly #bytes: Buffer;
  #at = 0;
  #low = 0;
  #high = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get position(): number {
    return this.#at;
  }

  get length(): number {
    return this.#bytes.length;
  }

  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw new RangeError('it ends in the middle of a number');
    this.#at += 1;
    return byte;
  }

  /** A number of up to 64 bits, into two halves: doubles are exact up to 53 bits only, and bigint costs an allocation. */
  #varint(): void {
    let low = this.#byte();
    let high = 0;
    if (low > 0x7f) {
      low &= 0x7f;
      for (let shift = 7; ; shift += 7) {
        if (shift > 63) throw new RangeError('a number is longer than ten bytes');
        const byte = this.#byte();
        const bits = byte & 0x7f;
        if (shift < 32) low |= bits << shift;
        if (shift === 28) high = bits >>> 4;
        else if (shift > 31) high |= bits << (shift - 32);
        if (byte < 0x80) break;
      }
    }
    this.#low = low >>> 0;
    this.#high = high >>> 0;
  }

  uint32(): number {
    this.#varint();
    return this.#low;
  }

  int32(): number {
    this.#varint();
    return this.#low | 0;
  }

  bool(): boolean {
    this.#varint();
    return this.#low !== 0 || this.#high !== 0;
  }

  uint64(): bigint {
    this.#varint();
    return this.#high === 0 ? BigInt(this.#low) : (BigInt(this.#high) << 32n) | BigInt(this.#low);
  }

  int64(): bigint {
    const value = this.uint64();
    return this.#high > 0x7fffffff ? BigInt.asIntN(64, value) : value;
  }

  double(): number {
    const at = this.#take(8);
    return this.#bytes.readDoubleLE(at);
  }

  /** Bytes that are no UTF-8 become U+FFFD. */
  string(): string {
    const length = this.uint32();
    const at = this.#take(length);
    return length === 0 ? '' : this.#bytes.toString('utf8', at, at + length);
  }

  /** A copy: the message would otherwise keep all of the request's bytes. */
  bytes(): Buffer {
    const length = this.uint32();
    const at = this.#take(length);
    return Buffer.from(this.#bytes.subarray(at, at + length));
  }

  /** Where a value with a length in front ends. */
  end(): number {
    const length = this.uint32();
    if (length > this.#bytes.length - this.#at) throw new RangeError('it ends before its length');
    return this.#at + length;
  }

  /** Passes over a value of a field that nobody here knows. */
  skip(tag: number, depth = 0): void {
    switch (tag & 7) {
      case VARINT:
        this.#varint();
        return;
      case FIXED64:
        this.#take(8);
        return;
      case DELIMITED:
        this.#at = this.end();
        return;
      case START_GROUP:
        if (depth === deepestGroup) throw new RangeError('groups are too deep');
        for (let inner = this.uint32(); (inner & 7) !== END_GROUP; inner = this.uint32())
          this.skip(inner, depth + 1);
        return;
      case FIXED32:
        this.#take(4);
        return;
      default:
        throw new RangeError(`wire type ${tag & 7} does not exist, or not here`);
    }
  }

  /** Moves on by so many bytes; where they began. */
  #take(length: number): number {
    const at = this.#at;
    if (length > this.#bytes.length - at) throw new RangeError('it ends before its length');
    this.#at = at + length;
    return at;
  }
}
