import { connect as connectTcp, type Socket } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { ControlType, controlFrame, dataFrame, FrameParser } from '../../../src/streaming/spdy/frame.ts';
import { HeaderWriter } from '../../../src/streaming/spdy/header-block.ts';
import type { Channels } from './channels.ts';

/** SPDY/3.1 as kubectl speaks it: an HTTP upgrade, then one SYN_STREAM a stream, with its headers. */
export class SpdyClient implements Channels {
  readonly closed: Promise<void>;
  readonly #socket: TLSSocket;
  readonly #transport: Socket;
  readonly #headers = new HeaderWriter();
  readonly #parser = new FrameParser();
  readonly #channels = new Map<number, number>();
  #listener: (channel: number, bytes: Buffer) => void = () => undefined;
  #opened: Promise<void> = Promise.resolve();

  private constructor(transport: Socket) {
    const socket = connect({ socket: transport, rejectUnauthorized: false });
    this.#socket = socket;
    this.#transport = transport;
    transport.on('error', () => undefined);
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('error', () => undefined);
  }

  /** @throws with the server's answer when it does not switch protocols. */
  static async connect(url: URL, protocols: readonly string[]): Promise<SpdyClient> {
    const client = new SpdyClient(connectTcp(Number(url.port), url.hostname));
    const socket = client.#socket;
    const versions = protocols.map((name) => `X-Stream-Protocol-Version: ${name}\r\n`).join('');
    socket.write(
      `POST ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nConnection: Upgrade\r\n` +
        `Upgrade: SPDY/3.1\r\n${versions}Content-Length: 0\r\n\r\n`,
    );
    const rest = await upgraded(socket);
    socket.on('data', (bytes: Buffer) => client.#receive(bytes));
    client.#receive(rest);
    return client;
  }

  /** Opens a stream as `channel`; its id on the wire is the channel's place in the order of opening. */
  async open(channel: number, headers: Readonly<Record<string, string>>): Promise<void> {
    const id = 2 * this.#channels.size + 1;
    this.#channels.set(id, channel);
    // Header blocks share one compressor, so their order on the wire is the order of writing.
    const before = this.#opened;
    this.#opened = (async (): Promise<void> => {
      await before;
      const head = Buffer.alloc(10);
      head.writeUInt32BE(id);
      const block = await this.#headers.write(headers);
      this.#socket.write(controlFrame(ControlType.synStream, 0, Buffer.concat([head, block])));
    })();
    await this.#opened;
  }

  onData(listener: (channel: number, bytes: Buffer) => void): void {
    this.#listener = listener;
  }

  send(channel: number, bytes: Buffer): void {
    for (const part of dataFrame(this.#id(channel), bytes, false)) this.#socket.write(part);
  }

  end(channel: number): void {
    for (const part of dataFrame(this.#id(channel), Buffer.alloc(0), true)) this.#socket.write(part);
  }

  close(): void {
    this.#headers.close();
    this.#socket.end();
  }

  cut(): void {
    this.#headers.close();
    this.#transport.resetAndDestroy();
  }

  #id(channel: number): number {
    for (const [id, is] of this.#channels) if (is === channel) return id;
    throw new Error(`no stream ${channel} was opened`);
  }

  #receive(bytes: Buffer): void {
    for (const frame of this.#parser.push(bytes)) {
      if (frame.kind !== 'data') continue;
      const channel = this.#channels.get(frame.streamId);
      if (channel !== undefined && frame.data.length > 0) this.#listener(channel, frame.data);
    }
  }
}

/** Reads the answer's head; what came behind it. */
async function upgraded(socket: TLSSocket): Promise<Buffer> {
  let seen = Buffer.alloc(0);
  for (;;) {
    const chunk = await new Promise<Buffer | undefined>((resolve) => {
      const ended = (): void => resolve(undefined);
      socket.once('close', ended);
      socket.once('data', (bytes: Buffer) => {
        socket.off('close', ended);
        socket.pause();
        resolve(bytes);
      });
      socket.resume();
    });
    if (chunk !== undefined) seen = Buffer.concat([seen, chunk]);
    const end = seen.indexOf('\r\n\r\n');
    const head = seen.toString('latin1', 0, end < 0 ? seen.length : end);
    const isRefused = end >= 0 && !head.startsWith('HTTP/1.1 101');
    if (chunk === undefined || isRefused) throw new Error(`no upgrade: ${seen.toString('latin1')}`);
    if (end < 0) continue;
    socket.resume();
    return seen.subarray(end + 4);
  }
}
