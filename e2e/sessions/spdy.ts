import { connect, type Socket } from 'node:net';
import { constants, createDeflate } from 'node:zlib';
import { spdyDictionary } from '../../src/streaming/spdy/dictionary.ts';
import { Collector, type Received, type RemoteClient, type StreamName } from './client.ts';

const [synStream, reset, ping] = [1, 3, 6];
const fin = 1;

function frame(head: number, flags: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32BE(head, 0);
  header.writeUInt32BE(((flags << 24) | payload.length) >>> 0, 4);
  return Buffer.concat([header, payload]);
}

const control = (type: number, payload: Buffer): Buffer => frame((0x80030000 | type) >>> 0, 0, payload);

function words(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value >>> 0, i * 4);
  return bytes;
}

/**
 * A SPDY/3.1 connection as Kubernetes' clients make it, written from the draft and not from the server's code (the preset
 * dictionary, which is a constant, apart). Opens streams, sends, resets; hands on what comes by stream.
 */
export class SpdyConnection {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  /** The answer's head. */
  response = '';
  readonly resets = new Set<number>();
  readonly ends = new Set<number>();
  onData: (id: number, bytes: Buffer) => void = () => undefined;
  readonly #deflate = createDeflate({ dictionary: spdyDictionary });
  #pending: Buffer = Buffer.alloc(0);
  #nextId = 1;

  private constructor(url: string, protocols: readonly string[]) {
    const { hostname, port, pathname } = new URL(url);
    this.socket = connect({ host: hostname, port: Number(port), noDelay: true });
    this.socket.on('error', () => undefined);
    this.closed = new Promise((resolve) =>
      this.socket.once('close', () => {
        this.#deflate.close();
        resolve();
      }),
    );
    const offers = protocols.map((name) => `X-Stream-Protocol-Version: ${name}\r\n`).join('');
    const head = `POST ${pathname} HTTP/1.1\r\nHost: ${hostname}\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n`;
    this.socket.write(`${head}${offers}Content-Length: 0\r\n\r\n`);
  }

  /** Resolves once the server has said 101; rejects with whatever else it said. */
  static async open(url: string, protocols: readonly string[]): Promise<SpdyConnection> {
    const spdy = new SpdyConnection(url, protocols);
    await new Promise<void>((resolve, reject) => {
      const closed = (): void => reject(new Error(`no upgrade: ${spdy.response.slice(0, 300)}`));
      spdy.socket.once('close', closed);
      spdy.socket.on('data', (chunk: Buffer) => {
        if (!spdy.#receive(chunk)) return;
        spdy.socket.off('close', closed);
        resolve();
      });
    });
    return spdy;
  }

  get protocol(): string {
    return /^x-stream-protocol-version: *(\S+)/im.exec(this.response)?.[1] ?? '';
  }

  /** The id of a new stream. Header blocks share one zlib stream, so one is opened after the other. */
  async openStream(headers: Readonly<Record<string, string>>): Promise<number> {
    const id = this.#nextId;
    this.#nextId += 2;
    const pairs = Object.entries(headers).flat().map(Buffer.from);
    const plain = [words(pairs.length / 2), ...pairs.flatMap((text) => [words(text.length), text])];
    const block = await this.#compress(Buffer.concat(plain));
    this.socket.write(control(synStream, Buffer.concat([words(id, 0), Buffer.alloc(2), block])));
    return id;
  }

  send(id: number, bytes: Buffer, last = false): void {
    this.socket.write(frame(id, last ? fin : 0, bytes));
  }

  reset(id: number): void {
    this.socket.write(control(reset, words(id, 5)));
  }

  async #compress(plain: Buffer): Promise<Buffer> {
    const parts: Buffer[] = [];
    const collect = (part: Buffer): unknown => parts.push(part);
    this.#deflate.on('data', collect);
    this.#deflate.write(plain);
    await new Promise<void>((resolve) => this.#deflate.flush(constants.Z_SYNC_FLUSH, resolve));
    this.#deflate.off('data', collect);
    return Buffer.concat(parts);
  }

  /** True once the upgrade is done. */
  #receive(chunk: Buffer): boolean {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    if (!this.response.includes('\r\n\r\n')) {
      const end = this.#pending.indexOf('\r\n\r\n');
      if (end < 0) return false;
      this.response = this.#pending.toString('latin1', 0, end + 4);
      if (!this.response.startsWith('HTTP/1.1 101 ')) {
        this.response += this.#pending.toString('latin1', end + 4);
        this.#pending = Buffer.alloc(0);
        return false;
      }
      this.#pending = this.#pending.subarray(end + 4);
    }
    while (this.#pending.length >= 8) {
      const length = this.#pending.readUIntBE(5, 3);
      if (this.#pending.length < 8 + length) break;
      const [whole, rest] = [this.#pending.subarray(0, 8 + length), this.#pending.subarray(8 + length)];
      this.#pending = rest;
      this.#handle(whole.readUInt32BE(0), whole.readUInt8(4), whole.subarray(8));
    }
    return true;
  }

  #handle(head: number, flags: number, payload: Buffer): void {
    if ((head & 0x80000000) === 0) {
      this.onData(head, payload);
      if ((flags & fin) !== 0) this.ends.add(head);
      return;
    }
    const type = head & 0xffff;
    if (type === reset) this.resets.add(payload.readUInt32BE(0));
    if (type === ping && (payload.readUInt32BE(0) & 1) === 0) this.socket.write(control(ping, payload));
  }
}

const newest = ['v4.channel.k8s.io', 'v3.channel.k8s.io', 'v2.channel.k8s.io', 'channel.k8s.io'];

/** Exec or attach over SPDY: the streams named, opened as kubectl opens them, error first. */
export class SpdyRemoteClient implements RemoteClient {
  readonly #spdy: SpdyConnection;
  readonly #ids = new Map<StreamName, number>();
  readonly #collector = new Collector();

  private constructor(spdy: SpdyConnection) {
    this.#spdy = spdy;
  }

  static async open(
    url: string,
    streams: readonly StreamName[],
    protocols: readonly string[] = newest,
  ): Promise<SpdyRemoteClient> {
    const client = new SpdyRemoteClient(await SpdyConnection.open(url, protocols));
    client.#spdy.onData = (id, bytes) => {
      for (const [name, each] of client.#ids) if (each === id) client.#collector.add(name, bytes);
    };
    for (const name of ['error', ...streams] as const) {
      client.#ids.set(name, await client.#spdy.openStream({ streamtype: name }));
    }
    return client;
  }

  get socket(): Socket {
    return this.#spdy.socket;
  }
  get protocol(): string {
    return this.#spdy.protocol;
  }
  get received(): Received {
    return this.#collector.received;
  }
  get closed(): Promise<void> {
    return this.#spdy.closed;
  }

  write(bytes: string | Buffer): void {
    this.#spdy.send(this.#id('stdin'), Buffer.from(bytes));
  }
  endStdin(): void {
    this.#spdy.send(this.#id('stdin'), Buffer.alloc(0), true);
  }
  resize(columns: number, rows: number): void {
    this.#spdy.send(this.#id('resize'), Buffer.from(JSON.stringify({ Width: columns, Height: rows })));
  }
  resetStream(name: StreamName): void {
    this.#spdy.reset(this.#id(name));
  }
  destroy(): void {
    this.socket.destroy();
  }

  #id(name: StreamName): number {
    const id = this.#ids.get(name);
    if (id === undefined) throw new Error(`no stream ${name} was opened`);
    return id;
  }
}
