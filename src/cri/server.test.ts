// The wrapper and the socket, with a real gRPC client on a real unix socket.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GantryError } from '../base/index.ts';
import type { MessageInits, MessageName, Messages } from '../cri-types/index.ts';
import type { Call } from './context.ts';
import { type CriServer, type Handlers, listen } from './server.ts';
import { codec } from './wire.ts';

interface LogLine {
  readonly level: number;
  readonly rpc: string;
  readonly request: number;
  readonly code: string;
  readonly ms: number;
  readonly msg: string;
}

let directory: string;
let socket: string;
let lines: LogLine[];
let observed: string[];
let server: CriServer | undefined;
let client: Client | undefined;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'gantry-cri-server-'));
  socket = join(directory, 'run', 'gantry.sock');
  lines = [];
  observed = [];
});

afterEach(async () => {
  client?.close();
  await server?.close(0);
  client = undefined;
  server = undefined;
  rmSync(directory, { recursive: true });
});

async function start(runtime: Handlers): Promise<Client> {
  const log = pino(
    { level: 'debug', base: null },
    { write: (line: string) => void lines.push(JSON.parse(line) as LogLine) },
  );
  const observe = (rpc: string, code: string): void => void observed.push(`${rpc} ${code}`);
  server = await listen({ listen: `unix://${socket}`, log, observe, runtime, image: {} });
  client = new Client(`unix:${socket}`, credentials.createInsecure());
  return client;
}

function call<Q extends MessageName, A extends MessageName>(
  from: Client,
  rpc: string,
  [request, answer]: readonly [Q, A],
  message: MessageInits[Q],
  deadline?: number,
): Promise<Messages[A]> {
  return new Promise((resolve, reject) => {
    from.makeUnaryRequest(
      `/runtime.v1.RuntimeService/${rpc}`,
      (m: MessageInits[Q]) => codec(request).encode(m),
      (bytes) => codec(answer).decode(bytes),
      message,
      deadline === undefined ? {} : { deadline: Date.now() + deadline },
      (error, value) => (error || value === undefined ? reject(error) : resolve(value)),
    );
  });
}

const version = ['VersionRequest', 'VersionResponse'] as const;
const failure = (promise: Promise<unknown>): Promise<ServiceError> =>
  promise.then(
    () => {
      throw new Error('the call succeeded');
    },
    (error: ServiceError) => error,
  );

describe('a unary call', () => {
  it('goes through, decoded and whole, and is logged once', async () => {
    const seen: unknown[] = [];
    const c = await start({
      CreateContainer: async (request: Messages['CreateContainerRequest']) => {
        seen.push(request);
        return { containerId: 'abc' };
      },
    });
    const names = ['CreateContainerRequest', 'CreateContainerResponse'] as const;
    const answer = await call(c, 'CreateContainer', names, {
      podSandboxId: 'p',
      config: {
        envs: [{ key: 'A', value: Buffer.from([255]) }],
        linux: { resources: { memoryLimitInBytes: 2n ** 40n } },
      },
    });
    expect(answer).toEqual({ containerId: 'abc' });
    const [request] = seen as Messages['CreateContainerRequest'][];
    expect(request?.config?.envs).toEqual([{ key: 'A', value: Buffer.from([255]) }]);
    expect(request?.config?.linux?.resources?.memoryLimitInBytes).toBe(2n ** 40n);
    expect(request?.config?.linux?.resources?.cpuQuota).toBe(0n);
    expect(request?.config?.linux?.securityContext).toBeUndefined();
    expect(request?.sandboxConfig).toBeUndefined();
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({
      level: 30,
      rpc: 'CreateContainer',
      code: 'OK',
      request: expect.any(Number),
      ms: expect.any(Number),
    });
    expect(observed).toEqual(['CreateContainer OK']);
  });

  const codes: [string, Error, status, string][] = [
    [
      'a foreseen error',
      new GantryError({ code: 'not-found', operation: 'o', message: 'no such pod "x"' }),
      status.NOT_FOUND,
      'no such pod "x"',
    ],
    [
      'a cause',
      new GantryError({
        code: 'unavailable',
        operation: 'o',
        message: 'pull failed',
        cause: new Error('refused'),
      }),
      status.UNAVAILABLE,
      'pull failed: refused',
    ],
    [
      'a word for the kubelet',
      new GantryError({ code: 'unknown', operation: 'o', message: 'RegistryUnavailable: it is' }),
      status.UNKNOWN,
      'RegistryUnavailable: it is',
    ],
    ['a bug', new TypeError('x is undefined'), status.INTERNAL, 'x is undefined'],
  ];
  it.each(codes)('answers %s with its code and message', async (_name, error, code, details) => {
    const c = await start({ Version: () => Promise.reject(error) });
    expect(await failure(call(c, 'Version', version, {}))).toMatchObject({ code, details });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({ code: status[code], msg: details });
  });

  it('survives a handler that throws before it returns', async () => {
    const c = await start({
      Version: () => {
        throw new Error('at once');
      },
    });
    expect(await failure(call(c, 'Version', version, {}))).toMatchObject({
      code: status.INTERNAL,
      details: 'at once',
    });
    expect(await failure(call(c, 'Version', version, {}))).toMatchObject({ code: status.INTERNAL });
  });

  it('refuses bytes that are no such message', async () => {
    const c = await start({ Version: async () => ({}) });
    const garbage = new Promise((resolve, reject) => {
      c.makeUnaryRequest(
        '/runtime.v1.RuntimeService/Version',
        () => Buffer.from([0x0a, 0x7f]),
        (b) => b,
        {},
        (error, value) => (error ? reject(error) : resolve(value)),
      );
    });
    expect(await failure(garbage)).toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: expect.stringContaining('VersionRequest'),
    });
  });

  it('answers UNIMPLEMENTED for an RPC without a handler', async () => {
    const c = await start({});
    expect(await failure(call(c, 'Version', version, {}))).toMatchObject({ code: status.UNIMPLEMENTED });
  });

  it("aborts its signal at the caller's deadline, with that reason", async () => {
    const reasons: unknown[] = [];
    const c = await start({
      Version: async (_request: never, { signal }: Call) => {
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        reasons.push(signal.reason);
        throw signal.reason;
      },
    });
    expect(await failure(call(c, 'Version', version, {}, 100))).toMatchObject({
      code: status.DEADLINE_EXCEEDED,
    });
    await expect.poll(() => reasons).toEqual([expect.objectContaining({ code: 'deadline-exceeded' })]);
  });

  it('aborts its signal when the caller goes away', async () => {
    const reasons: unknown[] = [];
    const c = await start({
      Version: async (_request: never, { signal }: Call) => {
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        reasons.push(signal.reason);
        return {};
      },
    });
    const request = c.makeUnaryRequest(
      '/runtime.v1.RuntimeService/Version',
      () => Buffer.alloc(0),
      (b) => b,
      {},
      () => {},
    );
    await sleep(50);
    request.cancel();
    await expect.poll(() => reasons).toEqual([expect.objectContaining({ code: 'cancelled' })]);
  });

  it('carries 10 MiB', async () => {
    const big = Buffer.alloc(10 * 1024 * 1024, 7);
    const c = await start({ ExecSync: async () => ({ stdout: big }) });
    const answer = await new Promise<Buffer>((resolve, reject) => {
      const large = new Client(`unix:${socket}`, credentials.createInsecure(), {
        'grpc.max_receive_message_length': -1,
      });
      large.makeUnaryRequest(
        '/runtime.v1.RuntimeService/ExecSync',
        () => Buffer.alloc(0),
        (b) => b,
        {},
        (error, value) => {
          large.close();
          if (error || value === undefined) reject(error);
          else resolve(value);
        },
      );
    });
    expect(Buffer.from(codec('ExecSyncResponse').decode(answer).stdout).equals(big)).toBe(true);
    expect(c).toBeDefined();
  });
});

describe('a server stream', () => {
  const path = '/runtime.v1.RuntimeService/StreamContainers';
  const decode = (bytes: Buffer): string =>
    codec('StreamContainersResponse').decode(bytes).containers[0]?.id ?? '';

  it('sends everything in order and ends', async () => {
    const c = await start({
      StreamContainers: async function* () {
        for (let i = 0; i < 1000; i++) yield { containers: [{ id: `${i}` }] };
      },
    });
    const got: string[] = [];
    for await (const id of c.makeServerStreamRequest(path, () => Buffer.alloc(0), decode, {}))
      got.push(id as string);
    expect(got).toEqual(Array.from({ length: 1000 }, (_, i) => `${i}`));
    expect(lines).toHaveLength(1);
  });

  it('waits for a slow reader, and ends when the reader goes away', async () => {
    let made = 0;
    let left = false;
    const c = await start({
      StreamContainers: async function* () {
        try {
          for (;;) yield { containers: [{ id: `${made++}`, labels: { x: 'y'.repeat(65536) } }] };
        } finally {
          left = true;
        }
      },
    });
    const stream = c.makeServerStreamRequest(path, () => Buffer.alloc(0), decode, {});
    stream.on('error', () => {});
    await new Promise((resolve) => stream.once('data', resolve));
    stream.pause();
    await sleep(300);
    const before = made;
    await sleep(300);
    expect(made).toBe(before);
    expect(made).toBeLessThan(200);
    stream.cancel();
    await expect.poll(() => left).toBe(true);
    await expect.poll(() => observed).toEqual(['StreamContainers CANCELLED']);
  });

  it('answers an error in the middle with its code', async () => {
    const c = await start({
      StreamContainers: async function* () {
        yield { containers: [{ id: 'a' }] };
        throw new GantryError({ code: 'resource-exhausted', operation: 'o', message: 'too much' });
      },
    });
    const got: unknown[] = [];
    const error = await failure(
      (async () => {
        for await (const id of c.makeServerStreamRequest(path, () => Buffer.alloc(0), decode, {}))
          got.push(id);
      })(),
    );
    expect(got).toEqual(['a']);
    expect(error).toMatchObject({ code: status.RESOURCE_EXHAUSTED, details: 'too much' });
  });
});

describe('shutting down', () => {
  it('finishes calls in flight, ends streams, and takes the socket away', async () => {
    let finish: (() => void) | undefined;
    const c = await start({
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
    const closing = server?.close(10_000);
    await sleep(50);
    finish?.();
    expect(await answer).toMatchObject({ version: 'done' });
    expect(await ended).toMatchObject({ code: status.UNAVAILABLE });
    await closing;
    expect(existsSync(socket)).toBe(false);
  });

  it('cancels what does not finish in time', async () => {
    const c = await start({
      Version: (_request: never, { signal }: Call) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    });
    const answer = failure(call(c, 'Version', version, {}));
    await sleep(100);
    await server?.close(50);
    expect(await answer).toMatchObject({ code: status.UNAVAILABLE });
  });
});

describe('the socket', () => {
  it("is root's alone, in a directory that is", async () => {
    await start({});
    expect(statSync(socket).mode & 0o777).toBe(0o600);
    expect(statSync(join(directory, 'run')).mode & 0o777).toBe(0o700);
  });

  it('is taken over from a server that died', async () => {
    mkdirSync(join(directory, 'run'));
    const script = `require('net').createServer().listen('${socket}', () => process.kill(process.pid, 'SIGKILL'))`;
    expect(spawnSync(process.execPath, ['-e', script]).signal).toBe('SIGKILL');
    expect(existsSync(socket)).toBe(true);
    const c = await start({ Version: async () => ({ version: 'new' }) });
    expect(await call(c, 'Version', version, {})).toMatchObject({ version: 'new' });
  });

  it('is refused to a second server', async () => {
    await start({});
    const second = listen({
      listen: `unix://${socket}`,
      log: pino({ level: 'silent' }),
      observe: () => {},
      runtime: {},
      image: {},
    });
    await expect(second).rejects.toThrow(`another server listens on ${socket}`);
  });

  it('never replaces something else', async () => {
    const file = join(directory, 'precious');
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
