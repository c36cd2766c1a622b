/**
 * NRI's multiplexer: several connections over one socket. A frame is 8 bytes (connection, payload's length; big-endian) and
 * the payload. Both sides know the connections' numbers beforehand; nothing is negotiated.
 */
import type { Duplex } from 'node:stream';

/** Where the plug-in serves and the runtime calls. */
export const PLUGIN_SERVICE = 1;
/** The other way round. */
export const RUNTIME_SERVICE = 2;

const HEADER = 8;
/** ttrpc's longest message, and its header. */
export const LONGEST_PAYLOAD = (4 << 20) + 10;
/**
 * The stub reads a frame into whatever buffer it has at that moment, and gives up when it is too small: its buffered reader's
 * 4096 bytes, or the whole rest of the message. So a message goes as its first 4096 bytes and the rest, in two frames at most
 * (it queues only 256).
 */
const FIRST_FRAME = 4096;
/** Bytes that may wait for a plug-in which does not read; beyond, it is cut off. */
const MOST_UNSENT = 16 << 20;

/** Takes the bytes of one connection, as they come. */
export type Receiver = (bytes: Buffer) => void;

export class Mux {
  readonly #socket: Duplex;
  readonly #receivers = new Map<number, Receiver>();
  #pending: Buffer[] = [];
  #size = 0;
  #wanted = HEADER;
  #connection: number | undefined;
  /** Settles, with the reason if there is one, when the socket is gone. Never rejects. */
  readonly closed: Promise<Error | undefined>;

  constructor(socket: Duplex) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => {
      let reason: Error | undefined;
      socket.on('error', (error) => {
        reason = error;
      });
      socket.on('end', () => socket.destroy());
      socket.on('close', () => resolve(reason));
    });
    socket.on('data', (bytes: Buffer) => this.#take(bytes));
  }

  /** Frames of connections that nobody receives are dropped. */
  receive(connection: number, receiver: Receiver): void {
    this.#receivers.set(connection, receiver);
  }

  /** One message. Bytes for a socket that is gone are dropped. */
  send(connection: number, message: Buffer): void {
    if (this.#socket.destroyed) return;
    this.#socket.cork();
    for (let from = 0, size = FIRST_FRAME; from < message.length; from += size, size = LONGEST_PAYLOAD) {
      const part = message.subarray(from, from + size);
      const header = Buffer.alloc(HEADER);
      header.writeUInt32BE(connection, 0);
      header.writeUInt32BE(part.length, 4);
      this.#socket.write(header);
      this.#socket.write(part);
    }
    this.#socket.uncork();
    if (this.#socket.writableLength > MOST_UNSENT) this.close(new Error('it does not read what it is sent'));
  }

  /** Idempotent. */
  close(reason?: Error): void {
    this.#socket.destroy(reason);
  }

  #take(bytes: Buffer): void {
    this.#pending.push(bytes);
    this.#size += bytes.length;
    while (this.#size >= this.#wanted && !this.#socket.destroyed) {
      const all = this.#pending.length === 1 ? this.#pending[0] : Buffer.concat(this.#pending);
      if (all === undefined) return;
      const part = all.subarray(0, this.#wanted);
      const rest = all.subarray(this.#wanted);
      this.#pending = rest.length > 0 ? [rest] : [];
      this.#size = rest.length;
      this.#step(part);
    }
  }

  #step(part: Buffer): void {
    if (this.#connection === undefined) {
      const length = part.readUInt32BE(4);
      if (length > LONGEST_PAYLOAD) {
        this.close(new Error(`a frame of ${length} bytes; ${LONGEST_PAYLOAD} are allowed`));
        return;
      }
      if (length === 0) return;
      this.#connection = part.readUInt32BE(0);
      this.#wanted = length;
      return;
    }
    const receiver = this.#receivers.get(this.#connection);
    this.#connection = undefined;
    this.#wanted = HEADER;
    receiver?.(part);
  }
}
