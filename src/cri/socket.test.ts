// The socket and the end of a server, with real clients.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Call } from './context.ts';
import { listen } from './server.ts';
import { call, failure, TestServer, version } from './test-server.ts';

let world: TestServer;
beforeEach(() => {
  world = new TestServer();
});
afterEach(() => world.close());

/** Connects, asks for the version where it is told to, and stops. */
const frozenClient = `
  const session = require('node:http2').connect('http://localhost', {
    createConnection: () => require('node:net').connect(process.argv[1]),
  });
  const headers = {
    ':method': 'POST', ':path': '/runtime.v1.RuntimeService/Version', 'content-type': 'application/grpc', te: 'trailers',
  };
  process.stdin.once('data', () => session.request(headers).end(Buffer.alloc(5)));
  session.once('remoteSettings', () => setTimeout(() => {
    console.log('stopping');
    process.kill(process.pid, 'SIGSTOP');
  }, 300));
`;

describe('shutting down', () => {
  it('finishes calls in flight, ends streams, and takes the socket away', async () => {
    let finish: (() => void) | undefined;
    const c = await world.start({
      Version: async () => {
        await new Promise<void>((resolve) => {
          finish = resolve;
        });
        return { version: 'done' };
      },
      GetContainerEvents: async function* (_request: never, { signal }: Call) {
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
    });
    const answer = call(c, 'Version', version, {});
    const events = c.makeServerStreamRequest(
      '/runtime.v1.RuntimeService/GetContainerEvents',
      () => Buffer.alloc(0),
      (b) => b,
      {},
    );
    const ended = new Promise((resolve) => events.on('error', resolve));
    events.resume();
    await expect.poll(() => finish).toBeDefined();
    await sleep(50);
    const closing = world.server?.close(10_000);
    await sleep(50);
    finish?.();
    expect(await answer).toMatchObject({ version: 'done' });
    expect(await ended).toMatchObject({ code: status.UNAVAILABLE });
    await closing;
    expect(existsSync(world.socket)).toBe(false);
  });

  it.each([
    ['that has asked for nothing', false, 60_000],
    ['that does not read its answer', true, 50],
  ])('does not wait for a client that is frozen: %s', async (_name, asks, grace) => {
    let asked = false;
    await world.start({
      Version: async () => {
        asked = true;
        return { version: 'x'.repeat(5 << 20) };
      },
    });
    const client = spawn(process.execPath, ['-e', frozenClient, world.socket], { stdio: 'pipe' });
    if (asks) client.stdin.write('ask\n');
    try {
      await once(client.stdout, 'data');
      await expect.poll(() => asked).toBe(asks);
      await world.server?.close(grace);
    } finally {
      client.kill('SIGKILL');
    }
    expect(existsSync(world.socket)).toBe(false);
  });

  it('cancels what does not finish in time', async () => {
    const c = await world.start({
      Version: (_request: never, { signal }: Call) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    });
    const answer = failure(call(c, 'Version', version, {}));
    await sleep(100);
    await world.server?.close(50);
    expect(await answer).toMatchObject({ code: status.UNAVAILABLE });
  });
});

describe('the socket', () => {
  it("is root's alone, in a world.directory that is", async () => {
    await world.start({});
    expect(statSync(world.socket).mode & 0o777).toBe(0o600);
    expect(statSync(join(world.directory, 'run')).mode & 0o777).toBe(0o700);
  });

  it('is taken over from a server that died', async () => {
    mkdirSync(join(world.directory, 'run'));
    const script = `require('net').createServer().listen('${world.socket}', () => process.kill(process.pid, 'SIGKILL'))`;
    expect(spawnSync(process.execPath, ['-e', script]).signal).toBe('SIGKILL');
    expect(existsSync(world.socket)).toBe(true);
    const c = await world.start({ Version: async () => ({ version: 'new' }) });
    expect(await call(c, 'Version', version, {})).toMatchObject({ version: 'new' });
  });

  it('is refused to a second server', async () => {
    await world.start({});
    const second = listen({
      listen: `unix://${world.socket}`,
      log: pino({ level: 'silent' }),
      observe: () => {},
      runtime: {},
      image: {},
    });
    await expect(second).rejects.toThrow(`another server listens on ${world.socket}`);
  });

  it('never replaces something else', async () => {
    const file = join(world.directory, 'precious');
    writeFileSync(file, 'data');
    const attempt = listen({
      listen: `unix://${file}`,
      log: pino({ level: 'silent' }),
      observe: () => {},
      runtime: {},
      image: {},
    });
    await expect(attempt).rejects.toThrow(/exists and is no socket/);
    expect(existsSync(file)).toBe(true);
  });

  it.each(['tcp://127.0.0.1:1', 'relative.sock', `unix:///${'x'.repeat(108)}`])(
    'cannot be %s',
    async (address) => {
      const attempt = listen({
        listen: address,
        log: pino({ level: 'silent' }),
        observe: () => {},
        runtime: {},
        image: {},
      });
      await expect(attempt).rejects.toMatchObject({ code: 'invalid-argument' });
    },
  );
});
