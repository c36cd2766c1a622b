import { Duplex } from 'node:stream';
import type { Headers } from './header-block.ts';

/** What a stream needs of its session. */
export interface StreamOwner {
  /** Resolves the callback when the transport has taken the bytes. */
  sendData(streamId: number, data: Buffer, fin: boolean, done: (error?: Error | null) => void): void;
  sendReset(streamId: number): void;
  /** The reader of a stream that had filled up has room again. */
  streamDrained(streamId: number): void;
  streamGone(streamId: number): void;
}

/**
 * One SPDY stream. Each direction ends alone: `end()` sends FIN, the peer's FIN ends reading. Destroying a stream that has
 * not ended resets it, and only it.
 */
export class SpdyStream extends Duplex {
  readonly id: number;
  readonly headers: Headers;
  readonly #owner: StreamOwner;
  #sentFin = false;
  #gotFin = false;
  #full = false;

  constructor(id: number, headers: Headers, owner: StreamOwner) {
    super({ allowHalfOpen: true, readableHighWaterMark: 256 * 1024, writableHighWaterMark: 64 * 1024 });
    this.id = id;
    this.headers = headers;
    this.#owner = owner;
    // Every consumer of a stream handles its errors through pipeline(); one that has ended already must not crash the server.
    this.on('error', () => undefined);
  }

  /** From the session: bytes of the peer. False: full, do not read on until streamDrained. */
  receive(data: Buffer, fin: boolean): boolean {
    if (this.destroyed || this.#gotFin) return true;
    let room = true;
    if (data.length > 0) room = this.push(data);
    if (fin) {
      this.#gotFin = true;
      this.push(null);
    }
    this.#full = !room && !fin;
    return !this.#full;
  }

  /** From the session: the peer reset the stream, or the connection is gone. No reset is sent back. */
  cut(error: Error): void {
    this.#sentFin = true;
    this.#gotFin = true;
    this.destroy(error);
  }

  override _read(): void {
    if (!this.#full) return;
    this.#full = false;
    this.#owner.streamDrained(this.id);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#owner.sendData(this.id, chunk, false, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#sentFin = true;
    this.#owner.sendData(this.id, Buffer.alloc(0), true, done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (!(this.#sentFin && this.#gotFin)) this.#owner.sendReset(this.id);
    this.#owner.streamDrained(this.id);
    this.#owner.streamGone(this.id);
    done(error);
  }
}
