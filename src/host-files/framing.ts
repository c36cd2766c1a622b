/** The wire to gantry-files: `addon/files/fields.h`. */

/** A frame of fields. */
export function encodeFrame(fields: readonly string[]): Buffer {
  const bytes = fields.map((field) => Buffer.from(field));
  const size = bytes.reduce((sum, field) => sum + 4 + field.length, 0);
  const frame = Buffer.allocUnsafe(4 + size);
  let at = frame.writeUInt32BE(size, 0);
  for (const field of bytes) {
    at = frame.writeUInt32BE(field.length, at);
    at += field.copy(frame, at);
  }
  return frame;
}

/** The fields of a frame's body. Throws for what is no list of them. */
export function decodeFields(body: Buffer): string[] {
  const fields: string[] = [];
  for (let at = 0; at < body.length; ) {
    const length = body.readUInt32BE(at);
    if (at + 4 + length > body.length)
      throw new RangeError('a field of gantry-files is longer than its frame');
    fields.push(body.toString('utf8', at + 4, at + 4 + length));
    at += 4 + length;
  }
  return fields;
}

/** Takes whole frames' bodies off a stream of bytes. */
export class FrameSplitter {
  #pending: Buffer = Buffer.alloc(0);

  *add(chunk: Buffer): Generator<Buffer> {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    while (this.#pending.length >= 4) {
      const end = 4 + this.#pending.readUInt32BE(0);
      if (this.#pending.length < end) return;
      const body = this.#pending.subarray(4, end);
      this.#pending = this.#pending.subarray(end);
      yield body;
    }
  }
}
