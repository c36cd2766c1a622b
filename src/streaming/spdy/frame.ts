/** SPDY/3.1 framing (draft-mbelshe-httpbis-spdy-00, section 2.2): bytes ↔ frames, nothing else. */

export const ControlType = {
  synStream: 1,
  synReply: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  headers: 8,
  windowUpdate: 9,
} as const;

export const flagFin = 0x01;

/** Reasons for RST_STREAM (section 2.6.3) that we send. */
export const ResetStatus = {
  protocolError: 1,
  invalidStream: 2,
  refusedStream: 3,
  cancel: 5,
  internalError: 6,
} as const;

export type Frame =
  | { readonly kind: 'data'; readonly streamId: number; readonly fin: boolean; readonly data: Buffer }
  | { readonly kind: 'control'; readonly type: number; readonly flags: number; readonly payload: Buffer };

const headerSize = 8;
/** A control frame is held whole before it is parsed; ours are small. Data frames are handed on in pieces. */
const maxControlPayload = 64 * 1024;

/** Splits a byte stream into frames. Data frames are handed on as they come, so that a large one needs no memory. */
export class FrameParser {
  #pending: Buffer = Buffer.alloc(0);
  #data: { streamId: number; fin: boolean; left: number } | undefined;

  /** @throws on what is not SPDY/3.1; the connection is then beyond repair. */
  *push(chunk: Buffer): Generator<Frame> {
    let bytes = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    for (;;) {
      if (this.#data !== undefined) {
        if (bytes.length === 0 && this.#data.left > 0) break;
        const { streamId, fin, left } = this.#data;
        const data = bytes.subarray(0, left);
        bytes = bytes.subarray(data.length);
        this.#data = data.length < left ? { streamId, fin, left: left - data.length } : undefined;
        yield { kind: 'data', streamId, fin: fin && this.#data === undefined, data };
        continue;
      }
      if (bytes.length < headerSize) break;
      const first = bytes.readUInt32BE(0);
      const flags = bytes.readUInt8(4);
      const length = bytes.readUIntBE(5, 3);
      if ((first & 0x80000000) === 0) {
        this.#data = { streamId: first, fin: (flags & flagFin) !== 0, left: length };
        bytes = bytes.subarray(headerSize);
        continue;
      }
      const version = (first >>> 16) & 0x7fff;
      if (version !== 3) throw new Error(`SPDY version ${version}; only 3 is spoken here`);
      if (length > maxControlPayload)
        throw new Error(`SPDY control frame of ${length} bytes; at most ${maxControlPayload}`);
      if (bytes.length < headerSize + length) break;
      const payload = bytes.subarray(headerSize, headerSize + length);
      bytes = bytes.subarray(headerSize + length);
      yield { kind: 'control', type: first & 0xffff, flags, payload };
    }
    this.#pending = bytes.length === 0 ? bytes : Buffer.from(bytes);
  }
}

export function dataFrame(streamId: number, data: Buffer, fin: boolean): Buffer[] {
  const header = Buffer.alloc(headerSize);
  header.writeUInt32BE(streamId, 0);
  header.writeUInt8(fin ? flagFin : 0, 4);
  header.writeUIntBE(data.length, 5, 3);
  return data.length === 0 ? [header] : [header, data];
}

export function controlFrame(type: number, flags: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(headerSize);
  header.writeUInt16BE(0x8003, 0);
  header.writeUInt16BE(type, 2);
  header.writeUInt8(flags, 4);
  header.writeUIntBE(payload.length, 5, 3);
  return Buffer.concat([header, payload]);
}

export function resetFrame(streamId: number, status: number): Buffer {
  const payload = Buffer.alloc(8);
  payload.writeUInt32BE(streamId, 0);
  payload.writeUInt32BE(status, 4);
  return controlFrame(ControlType.rstStream, 0, payload);
}

export function goAwayFrame(lastStreamId: number): Buffer {
  const payload = Buffer.alloc(8);
  payload.writeUInt32BE(lastStreamId, 0);
  return controlFrame(ControlType.goAway, 0, payload);
}
