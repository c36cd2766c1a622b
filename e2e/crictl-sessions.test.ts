import { type ChildProcess, spawn } from 'node:child_process';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { containerStatus, eventually, programs, World } from './harness/index.ts';
import { Census, type State } from './sessions/census.ts';
import { within } from './sessions/client.ts';
import { makePlace, type Place, port } from './sessions/place.ts';
import type { Transport } from './sessions/polite.ts';

interface Client {
  readonly process: ChildProcess;
  readonly output: () => string;
  readonly exit: Promise<number | string>;
}

type Session = (transport: Transport) => Promise<void>;

// Kubernetes' own client library, in crictl: what our clients believe of the protocols, it knows. Half of them are killed.
describe('sessions of crictl', () => {
  let world: World;
  let place: Place;
  let census: Census;
  let base: State;

  beforeAll(async () => {
    world = await World.create({ subnet: 137 });
    place = await makePlace(world);
    census = new Census(world);
  });
  afterAll(async () => {
    await world.dispose();
  });

  test('warm the server up', async () => {
    await run(1);
    base = await census.settled();
  });

  test('work, and end', async () => {
    await run(6);
  }, 120_000);

  test.each(['spdy', 'websocket'] as const)(
    'an attach over %s ends with its stdin, and the container lives',
    async (transport) => {
      const client = crictl('attach', '--stdin', '--transport', transport, place.counter);
      const line = `last line over ${transport}`;
      client.process.stdin?.end(`${line}\n`);
      expect(await within('the end of the attach', 10_000, client.exit)).toBe(0);
      expect(client.output()).toContain(line);
      expect(await containerStatus(world, place.counter)).toMatchObject({ state: 'CONTAINER_RUNNING' });
    },
  );

  test('leave nothing behind within 30 s, also those that were killed', async () => {
    await census.backAt(base);
    for (const id of [place.counter, place.loud, place.heart]) {
      expect(await containerStatus(world, id)).toMatchObject({ state: 'CONTAINER_RUNNING' });
    }
  });

  function crictl(...args: string[]): Client {
    const child = spawn(programs.crictl, world.crictl.arguments(args), { stdio: 'pipe' });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (bytes: Buffer) => {
        if (text.length < 1 << 20) text += bytes.toString('latin1');
      });
    }
    child.stdin.on('error', () => undefined);
    const exit = new Promise<number | string>((resolve) => {
      child.once('close', (code, signal) => resolve(code ?? signal ?? ''));
    });
    return { process: child, output: () => text, exit };
  }

  async function says(client: Client, what: RegExp): Promise<RegExpExecArray> {
    const seen = await eventually(
      () => what.exec(client.output()),
      (match) => match !== null,
      30,
    );
    if (seen === null) throw new Error('unreachable');
    return seen;
  }

  async function killed(client: Client): Promise<void> {
    client.process.kill('SIGKILL');
    expect(await within('the end of crictl', 10_000, client.exit)).toBe('SIGKILL');
  }

  const exec = (transport: Transport, text: string): Client =>
    crictl('exec', '--interactive', '--transport', transport, place.heart, 'sh', '-c', text);

  async function forward(transport: Transport, to: number): Promise<{ client: Client; local: number }> {
    const client = crictl('port-forward', '--transport', transport, place.pod.id, `0:${to}`);
    const [, local] = await says(client, /Forwarding from 127\.0\.0\.1:(\d+) ->/);
    return { client, local: Number(local) };
  }

  const sessions: Readonly<Record<string, Session>> = {
    async exec(transport) {
      const client = exec(transport, 'wc -c; echo done >&2; exit 7');
      client.process.stdin?.end('12345');
      await within('an exec', 30_000, client.exit);
      expect(client.output()).toMatch(/5\n/);
      expect(client.output()).toContain('done');
      expect(client.output()).toMatch(/exit (code|status) 7/);
    },
    async execKilled(transport) {
      const client = exec(transport, 'cat');
      client.process.stdin?.write('half a line');
      await says(client, /half a line/);
      await killed(client);
    },
    async execKilledInFlood(transport) {
      const client = exec(transport, 'cat /dev/zero');
      await says(client, /\0/);
      await killed(client);
    },
    async execKilledWhileFlooding(transport) {
      const client = exec(transport, 'echo up; sleep 1000');
      await says(client, /up/);
      client.process.stdin?.write(Buffer.alloc(4 << 20, 'x'));
      await sleep(300);
      await killed(client);
    },
    async attach(transport) {
      const client = crictl('attach', '--stdin', '--transport', transport, place.counter);
      const line = `${transport} ${client.process.pid}`;
      await eventually(
        () => {
          client.process.stdin?.write(`${line}\n`);
          return client.output();
        },
        (text) => text.includes(line),
        30,
      );
      await killed(client);
    },
    async forward(transport) {
      const { client, local } = await forward(transport, port.echo);
      const socket = connect({ host: '127.0.0.1', port: local });
      socket.end('there and back');
      let text = '';
      for await (const bytes of socket) text += String(bytes);
      expect(text).toBe('there and back');
      await killed(client);
    },
    async forwardKilledInFlood(transport) {
      const { client, local } = await forward(transport, port.flood);
      const socket = connect({ host: '127.0.0.1', port: local });
      socket.on('error', () => undefined);
      await new Promise((resolve) => socket.once('data', resolve));
      socket.pause();
      await sleep(100);
      await killed(client);
      socket.destroy();
    },
  };

  /** Each kind so many times over each transport, eight at once. */
  async function run(times: number): Promise<void> {
    const queue = Array.from({ length: times }, () =>
      Object.entries(sessions).flatMap(([name, session]) =>
        (['spdy', 'websocket'] as const).map((transport) => ({ name, session, transport })),
      ),
    ).flat();
    const failures: string[] = [];
    const worker = async (): Promise<void> => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const { name, session, transport } = next;
        await session(transport).catch((error: unknown) => {
          failures.push(`${name} over ${transport}: ${String(error).slice(0, 500)}`);
        });
      }
    };
    await Promise.all(Array.from({ length: 8 }, worker));
    expect(failures).toEqual([]);
  }
});
