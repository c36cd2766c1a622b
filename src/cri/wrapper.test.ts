// The wrapper, with a real gRPC client on a real unix socket.
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, credentials, status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GantryError } from '../base/index.ts';
import type { Messages } from '../cri-types/index.ts';
import type { Call } from './context.ts';
import { call, failure, TestServer, version } from './test-server.ts';
import { codec } from './wire.ts';

let world: TestServer;
beforeEach(() => {
  world = new TestServer();
});
afterEach(() => world.close());

describe('a unary call', () => {
  it('goes through, decoded and whole, and is logged once', async () => {
    const seen: unknown[] = [];
    const c = await world.start({
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
    expect(world.lines).toHaveLength(1);
    expect(world.lines[0]).toMatchObject({
      level: 30,
      rpc: 'CreateContainer',
      code: 'OK',
      request: expect.any(Number),
      ms: expect.any(Number),
    });
    expect(world.observed).toEqual(['CreateContainer OK']);
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
    const c = await world.start({ Version: () => Promise.reject(error) });
    expect(await failure(call(c, 'Version', version, {}))).toMatchObject({ code, details });
    expect(world.lines).toHaveLength(1);
    expect(world.lines[0]).toMatchObject({ code: status[code], msg: details });
  });

  it('survives a handler that throws before it returns', async () => {
    const c = await world.start({
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
    const c = await world.start({ Version: async () => ({}) });
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
    const c = await world.start({});
    expect(await failure(call(c, 'Version', version, {}))).toMatchObject({ code: status.UNIMPLEMENTED });
  });

  it("aborts its signal at the caller's deadline, with that reason", async () => {
    const reasons: unknown[] = [];
    const c = await world.start({
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
    const c = await world.start({
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
    const c = await world.start({ ExecSync: async () => ({ stdout: big }) });
    const answer = await new Promise<Buffer>((resolve, reject) => {
      const large = new Client(`unix:${world.socket}`, credentials.createInsecure(), {
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
    const c = await world.start({
      StreamContainers: async function* () {
        for (let i = 0; i < 1000; i++) yield { containers: [{ id: `${i}` }] };
      },
    });
    const got: string[] = [];
    for await (const id of c.makeServerStreamRequest(path, () => Buffer.alloc(0), decode, {}))
      got.push(id as string);
    expect(got).toEqual(Array.from({ length: 1000 }, (_, i) => `${i}`));
    expect(world.lines).toHaveLength(1);
  });

  it('waits for a slow reader, and ends when the reader goes away', async () => {
    let made = 0;
    let left = false;
    const c = await world.start({
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
    await expect.poll(() => world.observed).toEqual(['StreamContainers CANCELLED']);
  });

  it('answers an error in the middle with its code', async () => {
    const c = await world.start({
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
