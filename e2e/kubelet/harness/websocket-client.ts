import { WebSocket } from 'ws';
import type { Channels, Headers } from './channels.ts';

/** Kubernetes' channels over WebSocket: a message's first byte is the channel's number. */
export class WebSocketClient implements Channels {
  readonly closed: Promise<void>;
  /** The sub-protocol that the server chose. */
  readonly protocol: string;
  readonly #socket: WebSocket;
  #listener: ((channel: number, bytes: Buffer) => void) | undefined;
  readonly #early: Buffer[] = [];

  private constructor(socket: WebSocket, closed: Promise<void>, early: Buffer[]) {
    this.#socket = socket;
    this.closed = closed;
    this.protocol = socket.protocol;
    this.#early = early;
    socket.removeAllListeners('message');
    socket.on('message', (data: Buffer) => this.#receive(data));
  }

  /** @throws with the server's status when it refuses. */
  static async connect(
    url: URL,
    protocols: readonly string[],
    headers: Headers = {},
  ): Promise<WebSocketClient> {
    const socket = new WebSocket(url.href.replace('https:', 'wss:'), [...protocols], {
      rejectUnauthorized: false,
      headers,
    });
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    const early: Buffer[] = [];
    socket.on('message', (data: Buffer) => early.push(data));
    await new Promise<void>((resolve, reject) => {
      socket.once('open', () => resolve());
      socket.once('error', reject);
    });
    socket.on('error', () => undefined);
    return new WebSocketClient(socket, closed, early);
  }

  onData(listener: (channel: number, bytes: Buffer) => void): void {
    this.#listener = listener;
    for (const message of this.#early.splice(0)) this.#receive(message);
  }

  send(channel: number, bytes: Buffer): void {
    this.#socket.send(Buffer.concat([Buffer.of(channel), bytes]));
  }

  /** Version 5's close message. */
  end(channel: number): void {
    this.#socket.send(Buffer.of(255, channel));
  }

  close(): void {
    this.#socket.close(1000);
  }

  cut(): void {
    this.#socket.terminate();
  }

  #receive(message: Buffer): void {
    if (this.#listener === undefined) this.#early.push(message);
    else if (message.length > 1) this.#listener(message[0] ?? 0, message.subarray(1));
  }
}
