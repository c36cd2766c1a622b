import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { Duplex, PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { native } from '../../base/index.ts';
import { forwardPort } from './port-forward.ts';

const netns = `/run/netns/gantry-pf-test-${process.pid}`;
const port = 4117;

/** Listens with the shortest queue and never accepts: what connects after the queue is full hangs. */
const blocked = `
  require('node:net').createServer().listen({ port: ${port}, host: '127.0.0.1', backlog: 1 }, () => {
    process.stdout.write('up', () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
  });`;

/** A client's stream: what is pushed is what it sends. */
class PairedStream extends Duplex {
  received = '';

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.received += chunk.toString();
    done();
  }
}

function sockets(): number {
  return readdirSync('/proc/self/fd').length;
}

describe('forwarding to a port in a namespace that accepts nothing', () => {
  const listener = { end: (): void => undefined };
  beforeAll(async () => {
    await native().netnsDirectory('/run/netns');
    await native().netnsCreate(netns);
    const child = spawn('nsenter', [`--net=${netns}`, process.execPath, '-e', blocked], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    listener.end = () => void child.kill('SIGKILL');
    await once(child.stdout, 'data');
  });
  afterAll(async () => {
    listener.end();
    await native().netnsRemove(netns);
  });

  it('holds up nobody else, and ends with the client', async () => {
    const before = sockets();
    const gone = new AbortController();
    const all = Array.from({ length: 12 }, () => forwardPort(netns, port, new PassThrough(), gone.signal));
    const settled = Promise.allSettled(all);
    const began = Date.now();
    await readFile('/proc/self/stat'); // by libuv's four threads, as everything of the server's disk is
    expect(Date.now() - began).toBeLessThan(2000);
    gone.abort();
    expect((await settled).every(({ status }) => status === 'rejected')).toBe(true);
    await expect.poll(sockets).toBeLessThanOrEqual(before);
  });

  it('ends at once for a client that is gone already', async () => {
    const before = sockets();
    // A client that has ended, but was not cut: nothing but the signal tells.
    const client = new PassThrough();
    await expect(forwardPort(netns, port, client, AbortSignal.abort())).rejects.toThrow();
    await expect.poll(sockets).toBeLessThanOrEqual(before);
  });
});

describe('forwarding to a port of this host', () => {
  let server: Server;
  let port = 0;
  beforeAll(async () => {
    server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => undefined);
      socket.pipe(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as { port: number }).port;
  });
  afterAll(() => void server.close());

  it('resets a connection whose client is gone, whatever is under way', async () => {
    const reset = new Promise<string>((resolve) => {
      server.once('connection', (socket) => {
        socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
        socket.on('end', () => resolve('ended'));
      });
    });
    const gone = new AbortController();
    const client = new PassThrough();
    const forwarding = forwardPort('', port, client, gone.signal);
    await new Promise((resolve) => setTimeout(resolve, 100));
    gone.abort();
    await expect(forwarding).rejects.toThrow();
    expect(await reset).toBe('ECONNRESET');
  });

  it('is content when the client resets what the pod has closed', async () => {
    const closing = createServer((socket) => void socket.on('error', () => undefined).end('all there is'));
    await new Promise<void>((resolve) => closing.listen(0, '127.0.0.1', resolve));
    const { port: closingPort } = closing.address() as { port: number };
    const client = new PairedStream();
    const forwarding = forwardPort('', closingPort, client, new AbortController().signal);
    await once(client, 'finish');
    expect(client.received).toBe('all there is');
    client.destroy(new Error('the client reset the stream'));
    await forwarding;
    await new Promise((resolve) => closing.close(resolve));
  });

  it('passes a reset of the pod on, and is content', async () => {
    const rude = createServer((socket) => void socket.once('data', () => socket.resetAndDestroy()));
    await new Promise<void>((resolve) => rude.listen(0, '127.0.0.1', resolve));
    const { port: rudePort } = rude.address() as { port: number };
    const client = new PairedStream();
    const forwarding = forwardPort('', rudePort, client, new AbortController().signal);
    client.push('hello');
    await forwarding;
    expect(client.destroyed).toBe(true);
    await new Promise((resolve) => rude.close(resolve));
  });

  it('tells of a port that nobody listens on', async () => {
    const free = createServer();
    await new Promise<void>((resolve) => free.listen(0, '127.0.0.1', resolve));
    const { port: closed } = free.address() as { port: number };
    await new Promise((resolve) => free.close(resolve));
    const forwarding = forwardPort('', closed, new PassThrough(), new AbortController().signal);
    await expect(forwarding).rejects.toThrow(/ECONNREFUSED/);
  });
});
