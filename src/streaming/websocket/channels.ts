import { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

/**
 * Kubernetes' channels over a WebSocket: a message is one channel's number and bytes. Binary protocols carry the number as
 * a byte; the base64 ones are text, an ASCII digit and base64. v5 adds [255, channel]: the client ends that channel.
 */
export class Channels {
  readonly #socket: WebSocket;
  readonly #base64: boolean;
  readonly #channels = new Map<number, Channel>();
  readonly #full = new Set<number>();

  constructor(socket: WebSocket, protocol: string) {
    this.#socket = socket;
    this.#base64 = protocol.includes('base64.');
    socket.on('message', (data: Buffer, isBinary: boolean) => this.#receive(data, isBinary));
    socket.on('close', () => {
      for (const channel of this.#channels.values()) channel.receive(null);
    });
    socket.on('error', () => socket.terminate());
  }

  /** Must be called before the event loop turns again, or first messages are lost. */
  open(number: number): Duplex {
    const channel = new Channel(number, this);
    this.#channels.set(number, channel);
    return channel;
  }

  send(number: number, data: Buffer, done: (error?: Error | null) => void): void {
    if (this.#socket.readyState !== this.#socket.OPEN) {
      done(new Error('the WebSocket is closed'));
      return;
    }
    const message = this.#base64
      ? `${number}${data.toString('base64')}`
      : Buffer.concat([Buffer.of(number), data]);
    this.#socket.send(message, done);
  }

  drained(number: number): void {
    if (this.#full.delete(number) && this.#full.size === 0) this.#socket.resume();
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (data.length === 0) return;
    const number = isBinary ? data.readUInt8(0) : data.readUInt8(0) - 0x30;
    if (isBinary && number === 255) {
      if (data.length > 1) this.#channels.get(data.readUInt8(1))?.receive(null);
      return;
    }
    const bytes = isBinary ? data.subarray(1) : Buffer.from(data.toString('latin1', 1), 'base64');
    const channel = this.#channels.get(number);
    if (channel === undefined || bytes.length === 0) return;
    if (!channel.receive(bytes)) {
      this.#full.add(number);
      this.#socket.pause();
    }
  }
}

class Channel extends Duplex {
  readonly #number: number;
  readonly #channels: Channels;
  #ended = false;

  constructor(number: number, channels: Channels) {
    super({ allowHalfOpen: true, readableHighWaterMark: 256 * 1024 });
    this.#number = number;
    this.#channels = channels;
    this.on('error', () => undefined);
  }

  receive(bytes: Buffer | null): boolean {
    if (this.#ended || this.destroyed) return true;
    this.#ended = bytes === null;
    return this.push(bytes);
  }

  override _read(): void {
    this.#channels.drained(this.#number);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#channels.send(this.#number, chunk, done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#channels.drained(this.#number);
    done(error);
  }
}
