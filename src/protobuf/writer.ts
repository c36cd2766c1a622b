const smallest = 16 * 1024;
/** Bytes: a buffer that one large message has grown beyond this is not kept for the next ones. */
const largestKept = 256 * 1024;
/** Characters: below this a loop is faster than a call into Node. */
const shortText = 40;

/**
 * Writes values one after the other into one buffer that is used again and again. `finish` gives a copy of a small message,
 * and the buffer itself for a large one.
 */
export class Writer {
  #bytes = Buffer.allocUnsafeSlow(smallest);
  #at = 0;

  /** What was written since the last time, in a buffer of its own. */
  finish(): Buffer {
    const whole = this.#bytes.subarray(0, this.#at);
    const result = this.#at > largestKept ? whole : Buffer.from(whole);
    this.reset();
    return result;
  }

  /** So many bytes are to come: a long list then does not outgrow the buffer again and again. */
  expect(length: number): void {
    this.#room(length);
  }

  reset(): void {
    this.#at = 0;
    if (this.#bytes.length > largestKept) this.#bytes = Buffer.allocUnsafeSlow(smallest);
  }

  #room(length: number): void {
    const needed = this.#at + length;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }

  /** @param value 0 to 2³² − 1 */
  uint32(value: number): void {
    this.#room(5);
    let rest = value >>> 0;
    for (; rest > 0x7f; rest >>>= 7) this.#bytes[this.#at++] = (rest & 0x7f) | 0x80;
    this.#bytes[this.#at++] = rest;
  }

  /** A negative number takes ten bytes, as one of 64 bits. */
  int32(value: number): void {
    if (value >= 0) this.uint32(value);
    else this.int64(BigInt(value));
  }

  /** @param value signed or not: the wire has 64 bits either way */
  int64(value: bigint): void {
    const bits = BigInt.asUintN(64, value);
    let low = Number(bits & 0xffffffffn);
    let high = Number(bits >> 32n);
    this.#room(10);
    while (high > 0) {
      this.#bytes[this.#at++] = (low & 0x7f) | 0x80;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    this.uint32(low);
  }

  double(value: number): void {
    this.#room(8);
    this.#at = this.#bytes.writeDoubleLE(value, this.#at);
  }

  string(value: string): void {
    if (value.length < shortText && this.#ascii(value)) return;
    const length = Buffer.byteLength(value);
    this.uint32(length);
    this.#room(length);
    this.#at += this.#bytes.write(value, this.#at, length, 'utf8');
  }

  /** A short text of ASCII, or nothing at all. */
  #ascii(value: string): boolean {
    this.#room(shortText + 1);
    const at = this.#at;
    for (let i = 0; i < value.length; i += 1) {
      const code = value.charCodeAt(i);
      if (code > 0x7f) return false;
      this.#bytes[at + 1 + i] = code;
    }
    this.#bytes[at] = value.length;
    this.#at = at + 1 + value.length;
    return true;
  }

  bytes(value: Uint8Array): void {
    this.uint32(value.length);
    this.#room(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }

  /** Begins a value whose length is not known yet; `close` takes what this gives. */
  open(): number {
    this.#room(1);
    const start = this.#at;
    this.#at += 1;
    return start;
  }

  /** Puts the length in front of what was written since `open`; a long one moves it. */
  close(start: number): void {
    const length = this.#at - start - 1;
    if (length <= 0x7f) {
      this.#bytes[start] = length;
      return;
    }
    const extra = length < 1 << 14 ? 1 : length < 1 << 21 ? 2 : length < 1 << 28 ? 3 : 4;
    this.#room(extra);
    this.#bytes.copyWithin(start + 1 + extra, start + 1, this.#at);
    this.#at = start;
    this.uint32(length);
    this.#at += length;
  }
}
