import { connect as connectTcp } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect } from 'node:tls';
import { createWebSocketStream, WebSocket } from 'ws';
import { ControlType, controlFrame, dataFrame, FrameParser } from '../../../src/streaming/spdy/frame.ts';
import { HeaderWriter } from '../../../src/streaming/spdy/header-block.ts';
import type { Channels, Headers } from './channels.ts';

/** SPDY/3.1 as kubectl speaks it: an HTTP upgrade, then one SYN_STREAM a stream, with its headers. */
export class SpdyClient implements Channels {
  readonly closed: Promise<void>;
  readonly #socket: Duplex;
  readonly #reset: () => void;
  readonly #headers = new HeaderWriter();
  readonly #parser = new FrameParser();
  readonly #channels = new Map<number, number>();
  #listener: (channel: number, bytes: Buffer) => void = () => undefined;
  #opened: Promise<void> = Promise.resolve();

  private constructor(socket: Duplex, reset: () => void) {
    this.#socket = socket;
    this.#reset = reset;
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('error', () => undefined);
  }

  /** @throws with the server's answer when it does not switch protocols. */
  static async connect(url: URL, protocols: readonly string[], headers: Headers = {}): Promise<SpdyClient> {
    const transport = connectTcp(Number(url.port), url.hostname);
    transport.on('error', () => undefined);
    const socket = connect({ socket: transport, rejectUnauthorized: false });
    const client = new SpdyClient(socket, () => transport.resetAndDestroy());
    const versions = protocols.map((name) => `X-Stream-Protocol-Version: ${name}\r\n`).join('');
    const more = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(
      `POST ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nConnection: Upgrade\r\n` +
        `Upgrade: SPDY/3.1\r\n${versions}${more.join('')}Content-Length: 0\r\n\r\n`,
    );
    const rest = await upgraded(socket);
    socket.on('data', (bytes: Buffer) => client.#receive(bytes));
    client.#receive(rest);
    return client;
  }

  /** The same frames as the bytes of a WebSocket's messages. @throws when the server refuses. */
  static async tunnel(url: URL, protocol: string, headers: Headers): Promise<SpdyClient> {
    const webSocket = new WebSocket(url.href.replace('https:', 'wss:'), {
      rejectUnauthorized: false,
      headers: { ...headers, 'Sec-WebSocket-Protocol': protocol },
    });
    let chosen: string | undefined;
    webSocket.once('upgrade', (response) => {
      chosen = response.headers['sec-websocket-protocol'];
      // The protocol's name has a slash, which RFC 6455 forbids and ws would not let pass.
      delete response.headers['sec-websocket-protocol'];
    });
    const stream = createWebSocketStream(webSocket);
    const client = new SpdyClient(stream, () => webSocket.terminate());
    stream.on('data', (bytes: Buffer) => client.#receive(bytes));
    await new Promise<void>((resolve, reject) => {
      webSocket.once('open', () => resolve());
      webSocket.once('error', reject);
    });
    if (chosen !== protocol) throw new Error(`the server chose ${chosen}`);
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
    this.#reset();
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
async function upgraded(socket: Duplex): Promise<Buffer> {
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
