import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { type Duplex, PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { RemoteCommandSession, SessionIo } from './index.ts';
import { StreamingServer } from './index.ts';
import { ControlType, controlFrame, dataFrame, FrameParser } from './spdy/frame.ts';
import { HeaderWriter } from './spdy/header-block.ts';

let server: StreamingServer;
beforeAll(async () => {
  server = await StreamingServer.start(pino({ level: 'silent' }));
});
afterAll(() => server.close());

const streams = { stdin: true, stdout: true, stderr: true, tty: false };

/** Echoes stdin to stdout and exits with 7, like `sh -c 'cat; exit 7'`. */
const cat: RemoteCommandSession = {
  kind: 'exec',
  streams,
  async run(io: SessionIo) {
    if (io.stdin === undefined || io.stdout === undefined) throw new Error('streams missing');
    await pipeline(io.stdin, io.stdout, { end: false });
    io.stderr?.write('done');
    return 7;
  },
};

/** A SPDY client of a few lines: opens streams, sends, collects what comes back a stream. */
class SpdyClient {
  readonly received = new Map<number, string>();
  readonly ended = new Set<number>();
  readonly reset = new Set<number>();
  response = '';
  readonly #headers = new HeaderWriter();
  readonly #parser = new FrameParser();
  readonly socket: Socket;
  #upgraded = false;

  constructor(url: string, protocol: string) {
    const { hostname, port, pathname } = new URL(url);
    this.socket = connect(Number(port), hostname);
    this.socket.write(
      `POST ${pathname} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n` +
        `X-Stream-Protocol-Version: ${protocol}\r\nContent-Length: 0\r\n\r\n`,
    );
    this.socket.on('data', (chunk) => this.#receive(chunk));
    this.socket.on('error', () => undefined);
  }

  async open(id: number, headers: Record<string, string>): Promise<void> {
    const head = Buffer.alloc(10);
    head.writeUInt32BE(id);
    const block = await this.#headers.write(headers);
    this.socket.write(controlFrame(ControlType.synStream, 0, Buffer.concat([head, block])));
  }

  send(id: number, text: string, fin: boolean): void {
    for (const part of dataFrame(id, Buffer.from(text), fin)) this.socket.write(part);
  }

  closed(): Promise<void> {
    return new Promise((resolve) => this.socket.once('close', () => resolve()));
  }

  #receive(chunk: Buffer): void {
    let bytes = chunk;
    if (!this.#upgraded) {
      this.response += chunk.toString('latin1');
      const end = this.response.indexOf('\r\n\r\n');
      if (end < 0) return;
      this.#upgraded = true;
      bytes = Buffer.from(this.response.slice(end + 4), 'latin1');
      if (!this.response.startsWith('HTTP/1.1 101')) return;
    }
    for (const frame of this.#parser.push(bytes)) {
      if (frame.kind === 'data') {
        this.received.set(frame.streamId, (this.received.get(frame.streamId) ?? '') + frame.data.toString());
        if (frame.fin) this.ended.add(frame.streamId);
      } else if (frame.type === ControlType.rstStream) this.reset.add(frame.payload.readUInt32BE(0));
    }
  }
}

describe('exec over SPDY', () => {
  it('says that the server ends, and leaves the command alone', async () => {
    const other = await StreamingServer.start(pino({ level: 'silent' }));
    let [runs, gone] = [false, false];
    const endless: RemoteCommandSession = {
      ...cat,
      streams: { ...streams, stdin: false },
      run: ({ signal, ending }) =>
        new Promise((_resolve, reject) => {
          runs = true;
          signal.addEventListener('abort', () => {
            gone = true;
          });
          ending.addEventListener('abort', () => reject(ending.reason));
        }),
    };
    const client = new SpdyClient(other.url(endless), 'v4.channel.k8s.io');
    for (const [i, streamtype] of ['error', 'stdout', 'stderr'].entries())
      await client.open(2 * i + 1, { streamtype });
    await expect.poll(() => runs).toBe(true);
    const closed = client.closed();
    await other.close();
    await closed;
    expect(JSON.parse(client.received.get(1) ?? '')).toMatchObject({
      status: 'Failure',
      message: expect.stringContaining('the server ends'),
    });
    // It would be hung up.
    expect(gone).toBe(false);
  });

  it('carries stdin, stdout, stderr and the exit code', async () => {
    const client = new SpdyClient(server.url(cat), 'v4.channel.k8s.io');
    for (const [i, streamtype] of ['error', 'stdin', 'stdout', 'stderr'].entries())
      await client.open(2 * i + 1, { streamtype });
    client.send(3, 'hello ', false);
    client.send(3, 'world', true);
    await client.closed();
    expect(client.received.get(5)).toBe('hello world');
    expect(client.received.get(7)).toBe('done');
    expect(JSON.parse(client.received.get(1) ?? '')).toMatchObject({
      status: 'Failure',
      reason: 'NonZeroExitCode',
      details: { causes: [{ reason: 'ExitCode', message: '7' }] },
    });
    expect([...client.ended].sort()).toEqual([1, 5, 7]);
  });

  it('refuses a token that was used, and a protocol nobody speaks', async () => {
    const url = server.url(cat);
    const first = new SpdyClient(url, 'v9.channel.k8s.io');
    await first.closed();
    expect(first.response).toMatch(/^HTTP\/1.1 403 /);
    const second = new SpdyClient(url, 'v4.channel.k8s.io');
    await second.closed();
    expect(second.response).toMatch(/^HTTP\/1.1 404 /);
  });

  it('tells the session when the client is rudely gone', async () => {
    let gone = (): void => undefined;
    const noticed = new Promise<void>((resolve) => {
      gone = resolve;
    });
    const url = server.url({
      kind: 'attach',
      streams: { ...streams, stdin: false },
      run: (io) =>
        new Promise((resolve) =>
          io.signal.addEventListener('abort', () => {
            gone();
            resolve(0);
          }),
        ),
    });
    const client = new SpdyClient(url, 'v4.channel.k8s.io');
    for (const [i, streamtype] of ['error', 'stdout', 'stderr'].entries())
      await client.open(2 * i + 1, { streamtype });
    setTimeout(() => client.socket.resetAndDestroy(), 50);
    await expect(noticed).resolves.toBeUndefined();
  });
});

describe('a target that is no URL', () => {
  // Each once ended the server: nobody caught what the parser threw.
  it.each(['//', 'http://[', '//x:y/exec'])('%s is answered like an unknown one', async (target) => {
    const { hostname, port } = new URL(server.url(cat));
    const socket = connect(Number(port), hostname);
    socket.write(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n`);
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    await new Promise<void>((resolve) => socket.once('end', () => resolve()));
    socket.destroy();
    expect(answer).toMatch(/^HTTP\/1.1 404 /);
  });
});

describe('a connection that says nothing', () => {
  it('is closed', async () => {
    const { hostname, port } = new URL(server.url(cat));
    const socket = connect(Number(port), hostname);
    socket.write('POST /exec/x HTTP/1.1\r\nUpgrade: SPDY/3.1\r\n');
    socket.resume();
    const began = Date.now();
    await new Promise<void>((resolve) => socket.once('close', () => resolve()));
    expect(Date.now() - began).toBeLessThan(15_000);
  }, 20_000);
});

describe('port-forward over SPDY', () => {
  it('joins each pair with its port, and a failing one leaves its neighbour alone', async () => {
    const url = server.url({
      kind: 'port-forward',
      ports: [],
      async forward(port, client) {
        if (port === 81) throw new Error('connection refused');
        await pipeline(client, new PassThrough(), client);
      },
    });
    const client = new SpdyClient(url, 'portforward.k8s.io');
    await client.open(1, { streamtype: 'error', port: '80', requestid: '0' });
    await client.open(3, { streamtype: 'data', port: '80', requestid: '0' });
    await client.open(5, { streamtype: 'error', port: '81', requestid: '1' });
    await client.open(7, { streamtype: 'data', port: '81', requestid: '1' });
    client.send(3, 'ping', false);
    await expect.poll(() => client.reset.has(7)).toBe(true);
    expect(client.received.get(5)).toContain('connection refused');
    client.send(3, ' pong', true);
    await expect.poll(() => client.ended.has(3)).toBe(true);
    expect(client.received.get(3)).toBe('ping pong');
    client.socket.end();
    await client.closed();
  });
});

describe('WebSocket', () => {
  function open(
    url: string,
    protocols: string[],
  ): { socket: WebSocket; messages: Buffer[]; closed: Promise<void> } {
    const socket = new WebSocket(url.replace('http:', 'ws:'), protocols);
    const messages: Buffer[] = [];
    socket.on('message', (data: Buffer) => messages.push(data));
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    return { socket, messages, closed };
  }
  const joined = (messages: Buffer[], channel: number): string =>
    Buffer.concat(messages.filter((m) => m[0] === channel).map((m) => m.subarray(1))).toString();

  it('v5 carries the streams and ends stdin by its close message', async () => {
    const { socket, messages, closed } = open(server.url(cat), ['v5.channel.k8s.io']);
    await new Promise((resolve) => socket.once('open', resolve));
    expect(socket.protocol).toBe('v5.channel.k8s.io');
    socket.send(Buffer.concat([Buffer.of(0), Buffer.from('hello')]));
    socket.send(Buffer.of(255, 0));
    await closed;
    expect(joined(messages, 1)).toBe('hello');
    expect(JSON.parse(joined(messages, 3))).toMatchObject({ reason: 'NonZeroExitCode' });
  });

  it('base64 channels carry text', async () => {
    const echo: RemoteCommandSession = {
      kind: 'exec',
      streams: { ...streams, stdin: false },
      async run(io) {
        io.stdout?.write('bytes');
        return 0;
      },
    };
    const { messages, closed } = open(server.url(echo), ['v4.base64.channel.k8s.io']);
    await closed;
    const stdout = messages.map(String).filter((m) => m.startsWith('1'));
    expect(stdout.map((m) => Buffer.from(m.slice(1), 'base64').toString()).join('')).toBe('bytes');
  });

  it('refuses what is no handshake with an answer', async () => {
    const { hostname, port, pathname } = new URL(server.url(cat));
    const socket = connect(Number(port), hostname);
    socket.write(`GET ${pathname} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`);
    let answer = '';
    for await (const chunk of socket) answer += String(chunk);
    expect(answer).toMatch(/^HTTP\/1.1 400 /);
    expect(answer).toContain('Sec-WebSocket-Key');
  });

  it('is not held up by what a client sends on an output', async () => {
    const { socket, messages, closed } = open(server.url(cat), ['v5.channel.k8s.io']);
    await new Promise((resolve) => socket.once('open', resolve));
    const nonsense = Buffer.concat([Buffer.of(1), Buffer.alloc(1 << 20)]);
    for (const _ of [1, 2, 3]) socket.send(nonsense);
    socket.send(Buffer.concat([Buffer.of(0), Buffer.from('hello')]));
    socket.send(Buffer.of(255, 0));
    await closed;
    expect(joined(messages, 1)).toBe('hello');
  });

  it('tunnels SPDY for port-forward', async () => {
    const url = server.url({
      kind: 'port-forward',
      ports: [],
      forward: (_port, client: Duplex) => pipeline(client, new PassThrough(), client),
    });
    const { socket, protocol } = await rawUpgrade(url, 'SPDY/3.1+portforward.k8s.io');
    expect(protocol).toBe('SPDY/3.1+portforward.k8s.io');
    let received = '';
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1');
    });
    const headers = new HeaderWriter();
    for (const [id, streamtype] of [
      [1, 'error'],
      [3, 'data'],
    ] as const) {
      const head = Buffer.alloc(10);
      head.writeUInt32BE(id);
      const block = await headers.write({ streamtype, port: '80', requestid: '9' });
      socket.write(masked(controlFrame(ControlType.synStream, 0, Buffer.concat([head, block]))));
    }
    socket.write(masked(Buffer.concat(dataFrame(3, Buffer.from('through the tunnel'), true))));
    await expect.poll(() => received).toContain('through the tunnel');
    headers.close();
    socket.destroy();
  });
});

/** A WebSocket handshake by hand: client libraries refuse to ask for a sub-protocol with a slash. */
function rawUpgrade(
  url: string,
  protocol: string,
): Promise<{ socket: Duplex; protocol: string | undefined }> {
  const headers = {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Protocol': protocol,
  };
  return new Promise((resolve, reject) => {
    request(url, { headers })
      .once('upgrade', (response, socket) =>
        resolve({ socket, protocol: String(response.headers['sec-websocket-protocol']) }),
      )
      .once('response', (response) => reject(new Error(`answered ${response.statusCode}`)))
      .once('error', reject)
      .end();
  });
}

/** One binary message of less than 126 bytes, masked by zeros as a client must mask. */
function masked(data: Buffer): Buffer {
  return Buffer.concat([Buffer.of(0x82, 0x80 | data.length, 0, 0, 0, 0), data]);
}
