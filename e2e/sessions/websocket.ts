import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import { Collector, type Received, type RemoteClient } from './client.ts';

/** All that Kubernetes' servers speak, newest first. */
export const webSocketProtocols = [
  'v5.channel.k8s.io',
  'v4.channel.k8s.io',
  'v4.base64.channel.k8s.io',
  'v3.channel.k8s.io',
  'v2.channel.k8s.io',
  'channel.k8s.io',
  'base64.channel.k8s.io',
] as const;

const channels = ['stdin', 'stdout', 'stderr', 'error', 'resize'];

/** Channels of bytes over one WebSocket; which is which the caller knows. */
export class WebSocketChannels {
  readonly #socket: WebSocket;
  readonly closed: Promise<void>;
  readonly #early: [number, Buffer][] = [];
  #onData: ((channel: number, bytes: Buffer) => void) | undefined;

  private constructor(webSocket: WebSocket) {
    this.#socket = webSocket;
    webSocket.on('error', () => undefined);
    this.closed = new Promise((resolve) => webSocket.once('close', () => resolve()));
    webSocket.on('message', (data: Buffer, isBinary: boolean) => {
      const text = isBinary ? '' : data.toString('latin1');
      if (isBinary) this.#deliver(data.readUInt8(0), data.subarray(1));
      else this.#deliver(Number(text.charAt(0)), Buffer.from(text.slice(1), 'base64'));
    });
  }

  #deliver(channel: number, bytes: Buffer): void {
    if (this.#onData === undefined) this.#early.push([channel, bytes]);
    else this.#onData(channel, bytes);
  }

  /** The first messages may come with the handshake: they wait for this. */
  set onData(listener: (channel: number, bytes: Buffer) => void) {
    this.#onData = listener;
    for (const [channel, bytes] of this.#early.splice(0)) listener(channel, bytes);
  }

  /** No protocols: none is offered. */
  static async open(url: string, protocols: readonly string[], query = ''): Promise<WebSocketChannels> {
    const address = `${url.replace('http:', 'ws:')}${query}`;
    const webSocket = new WebSocket(address, [...protocols], { perMessageDeflate: false });
    const channel = new WebSocketChannels(webSocket);
    await new Promise<void>((resolve, reject) => {
      webSocket.once('open', () => resolve());
      webSocket.once('error', reject);
    });
    return channel;
  }

  get protocol(): string {
    return this.#socket.protocol;
  }

  /** The TCP connection below it. */
  get socket(): Socket {
    return (this.#socket as unknown as { _socket: Socket })._socket;
  }

  send(channel: number, bytes: Buffer): void {
    if (this.protocol.includes('base64')) this.#socket.send(`${channel}${bytes.toString('base64')}`);
    else this.#socket.send(Buffer.concat([Buffer.of(channel), bytes]));
  }

  close(): void {
    this.#socket.close();
  }

  terminate(): void {
    this.#socket.terminate();
  }
}

/** Exec or attach over a WebSocket. */
export class WebSocketRemoteClient implements RemoteClient {
  readonly #channels: WebSocketChannels;
  readonly #collector = new Collector();

  private constructor(opened: WebSocketChannels) {
    this.#channels = opened;
    opened.onData = (channel, bytes) => this.#collector.add(channels[channel] ?? '', bytes);
  }

  static async open(
    url: string,
    protocols: readonly string[] = ['v5.channel.k8s.io'],
  ): Promise<WebSocketRemoteClient> {
    return new WebSocketRemoteClient(await WebSocketChannels.open(url, protocols));
  }

  get socket(): Socket {
    return this.#channels.socket;
  }
  get protocol(): string {
    return this.#channels.protocol;
  }
  get received(): Received {
    return this.#collector.received;
  }
  get closed(): Promise<void> {
    return this.#channels.closed;
  }

  write(bytes: string | Buffer): void {
    this.#channels.send(0, Buffer.from(bytes));
  }
  /** Only v5 can say it. */
  endStdin(): void {
    this.#channels.send(255, Buffer.of(0));
  }
  resize(columns: number, rows: number): void {
    this.#channels.send(4, Buffer.from(JSON.stringify({ Width: columns, Height: rows })));
  }
  destroy(): void {
    this.#channels.terminate();
  }
}
