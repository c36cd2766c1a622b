import type { Duplex } from 'node:stream';
import {
  ControlType,
  controlFrame,
  dataFrame,
  type Frame,
  FrameParser,
  flagFin,
  goAwayFrame,
  ResetStatus,
  resetFrame,
} from './frame.ts';
import { HeaderReader, HeaderWriter } from './header-block.ts';
import { SpdyStream, type StreamOwner } from './stream.ts';

/** A client that opens more than this at once is told to wait; kubectl opens five, a port-forward two a connection. */
const maxStreams = 2000;
/** While nothing is read (a full stream) the kernel tells nobody that the peer is gone; what is written to it does. */
const pingMs = 5_000;

/**
 * The server's end of a SPDY/3.1 connection over any byte stream: a socket after its upgrade, or a WebSocket tunnel.
 *
 * There is no flow control a stream: Kubernetes' clients (moby/spdystream) neither send nor heed WINDOW_UPDATE, so a
 * window kept here would only stop transfers dead. The transport's own back-pressure bounds memory instead: reading
 * stops while any stream's reader is full.
 */
export class SpdySession implements StreamOwner {
  /** Resolved when the connection is gone, whoever closed it. */
  readonly closed: Promise<void>;
  readonly #transport: Duplex;
  readonly #parser = new FrameParser();
  readonly #reader = new HeaderReader();
  readonly #writer = new HeaderWriter();
  readonly #streams = new Map<number, SpdyStream>();
  readonly #full = new Set<number>();
  readonly #onStream: (stream: SpdyStream) => void;
  #lastStreamId = 0;
  #pings = 0;
  #roomAgain: (() => void) | undefined;

  /** `onStream` is called for each stream that the peer opens, after it was accepted. */
  constructor(transport: Duplex, onStream: (stream: SpdyStream) => void) {
    this.#transport = transport;
    this.#onStream = onStream;
    this.closed = new Promise((resolve) => transport.once('close', () => resolve()));
    transport.on('error', () => undefined);
    const pinging = setInterval(() => this.#ping(), pingMs).unref();
    void this.closed.then(() => {
      clearInterval(pinging);
      this.#roomAgain?.();
    });
    this.#pump().then(
      () => this.#abandon(new Error('the client closed the connection')),
      (error: unknown) => this.#abandon(error instanceof Error ? error : new Error(String(error))),
    );
  }

  /** Sends GOAWAY, lets what was written leave, closes. Streams that have not ended are cut. */
  close(): void {
    if (!this.#transport.destroyed) {
      this.#transport.write(goAwayFrame(this.#lastStreamId));
      this.#transport.end();
      // A peer that never closes its half must not hold the descriptor.
      const timer = setTimeout(() => this.#transport.destroy(), 2000);
      timer.unref();
      this.#transport.once('close', () => clearTimeout(timer));
    }
  }

  /** Clients answer, and nobody waits for it: a peer that is gone makes the writing fail. */
  #ping(): void {
    if (this.#transport.writableNeedDrain) return; // what waits already will tell
    const id = Buffer.alloc(4);
    this.#pings = (this.#pings + 2) & 0x7fffffff;
    id.writeUInt32BE(this.#pings);
    this.#send([controlFrame(ControlType.ping, 0, id)]);
  }

  async #pump(): Promise<void> {
    for await (const chunk of this.#transport) {
      for (const frame of this.#parser.push(chunk as Buffer)) await this.#handle(frame);
      if (this.#full.size > 0 && !this.#transport.destroyed) {
        await new Promise<void>((resolve) => (this.#roomAgain = resolve));
      }
    }
  }

  async #handle(frame: Frame): Promise<void> {
    if (frame.kind === 'data') {
      const stream = this.#streams.get(frame.streamId);
      if (stream !== undefined && !stream.receive(frame.data, frame.fin)) this.#full.add(frame.streamId);
      return;
    }
    switch (frame.type) {
      case ControlType.synStream:
        return this.#accept(frame.flags, frame.payload);
      case ControlType.headers:
        // Keeps the shared zlib stream in step; nobody sends headers later that would matter here.
        await this.#reader.read(frame.payload.subarray(4));
        return;
      case ControlType.rstStream:
        this.#streams.get(frame.payload.readUInt32BE(0))?.cut(new Error('the client reset the stream'));
        return;
      case ControlType.ping:
        // The client's pings are odd; an even one answers ours.
        if ((frame.payload.readUInt32BE(0) & 1) === 1)
          this.#send([controlFrame(ControlType.ping, 0, frame.payload)]);
        return;
      default:
        return; // SETTINGS, GOAWAY, WINDOW_UPDATE and what later versions add change nothing here
    }
  }

  async #accept(flags: number, payload: Buffer): Promise<void> {
    const id = payload.readUInt32BE(0) & 0x7fffffff;
    const headers = await this.#reader.read(payload.subarray(10));
    if (this.#streams.has(id) || (id & 1) === 0)
      return this.#send([resetFrame(id, ResetStatus.protocolError)]);
    if (this.#streams.size >= maxStreams) return this.#send([resetFrame(id, ResetStatus.refusedStream)]);
    this.#lastStreamId = Math.max(this.#lastStreamId, id);
    const stream = new SpdyStream(id, headers, this);
    this.#streams.set(id, stream);
    const streamId = Buffer.alloc(4);
    streamId.writeUInt32BE(id);
    this.#send([
      controlFrame(ControlType.synReply, 0, Buffer.concat([streamId, await this.#writer.write({})])),
    ]);
    this.#onStream(stream);
    if ((flags & flagFin) !== 0) stream.receive(Buffer.alloc(0), true);
  }

  sendData(streamId: number, data: Buffer, fin: boolean, done: (error?: Error | null) => void): void {
    this.#send(dataFrame(streamId, data, fin), done);
  }

  sendReset(streamId: number): void {
    this.#send([resetFrame(streamId, ResetStatus.cancel)]);
  }

  streamDrained(streamId: number): void {
    if (!this.#full.delete(streamId) || this.#full.size > 0) return;
    this.#roomAgain?.();
    this.#roomAgain = undefined;
  }

  streamGone(streamId: number): void {
    this.#streams.delete(streamId);
  }

  #send(parts: Buffer[], done: (error?: Error | null) => void = () => undefined): void {
    if (this.#transport.destroyed || this.#transport.writableEnded) {
      done(new Error('the connection is closed'));
      return;
    }
    this.#transport.cork();
    for (const part of parts.slice(0, -1)) this.#transport.write(part);
    this.#transport.write(parts.at(-1) ?? Buffer.alloc(0), done);
    this.#transport.uncork();
  }

  #abandon(reason: Error): void {
    for (const stream of [...this.#streams.values()]) stream.cut(reason);
    this.#reader.close();
    this.#writer.close();
    this.#transport.destroy();
  }
}
