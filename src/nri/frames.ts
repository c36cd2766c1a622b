/** ttrpc's frames: 10 bytes (payload's length, stream, type, flags; big-endian) and the payload. */

export const REQUEST = 1;
export const RESPONSE = 2;
export const LONGEST_MESSAGE = 4 << 20;

const HEADER = 10;

export interface Frame {
  readonly stream: number;
  readonly type: number;
  readonly payload: Buffer;
}

export function frameBytes({ stream, type, payload }: Frame): Buffer {
  const header = Buffer.alloc(HEADER);
  header.writeUInt32BE(payload.length, 0);
  header.writeUInt32BE(stream, 4);
  header.writeUInt8(type, 8);
  return Buffer.concat([header, payload]);
}

/** Takes bytes as they come, gives whole frames. Throws for a frame that is too long. */
export class FrameReader {
  readonly #onFrame: (frame: Frame) => void;
  #pending: Buffer[] = [];
  #size = 0;
  #wanted = HEADER;

  constructor(onFrame: (frame: Frame) => void) {
    this.#onFrame = onFrame;
  }

  take(bytes: Buffer): void {
    this.#pending.push(bytes);
    this.#size += bytes.length;
    while (this.#size >= this.#wanted) {
      const all = Buffer.concat(this.#pending);
      this.#pending = [all];
      const length = all.readUInt32BE(0);
      if (length > LONGEST_MESSAGE) {
        throw new Error(`a message of ${length} bytes; ${LONGEST_MESSAGE} are allowed`);
      }
      this.#wanted = HEADER + length;
      if (this.#size < this.#wanted) return;
      const rest = all.subarray(this.#wanted);
      const payload = all.subarray(HEADER, this.#wanted);
      this.#pending = [rest];
      this.#size = rest.length;
      this.#wanted = HEADER;
      this.#onFrame({ stream: all.readUInt32BE(4), type: all.readUInt8(8), payload });
    }
  }
}
