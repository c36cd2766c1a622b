import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  containerStatus,
  eventually,
  exec,
  failure,
  hostNetwork,
  logOf,
  type Pod,
  removePod,
  runPod,
  startContainer,
  World,
} from './harness/index.ts';
import { exitCodeOf, within } from './sessions/client.ts';
import { processesBelow } from './sessions/measure.ts';
import { attachUrl, execUrl, forwardUrl, makePlace, type Place, port } from './sessions/place.ts';
import { openAttach, openExec, type Transport } from './sessions/polite.ts';
import { SpdyConnection, SpdyRemoteClient } from './sessions/spdy.ts';
import { WebSocketChannels, WebSocketRemoteClient, webSocketProtocols } from './sessions/websocket.ts';

const spdyProtocols = ['v4.channel.k8s.io', 'v3.channel.k8s.io', 'v2.channel.k8s.io', 'channel.k8s.io'];
const transports: readonly Transport[] = ['spdy', 'websocket'];

describe('streaming', () => {
  let world: World;
  let place: Place;

  beforeAll(async () => {
    world = await World.create({ subnet: 131 });
    place = await makePlace(world);
  });
  afterAll(async () => {
    await world.dispose();
  });

  describe.each([...webSocketProtocols, ''])('WebSocket protocol %j', (protocol) => {
    test.each([0, 1, 42, 255])('tells exit code %i', async (code) => {
      const url = await execUrl(world, place.heart, `echo out; echo err >&2; exit ${code}`, {
        streams: ['stdout', 'stderr'],
      });
      const client = await WebSocketRemoteClient.open(url, protocol === '' ? [] : [protocol]);
      await within('the exec', 10_000, client.closed);
      expect(client.protocol).toBe(protocol);
      expect(client.received.stdout).toBe('out\n');
      expect(client.received.stderr).toBe('err\n');
      expect(exitCodeOf(client.received.error)).toBe(code);
      // A Status from v4 on; before, nothing for success and a sentence for the rest.
      if (/^v[45]/.test(protocol)) expect(client.received.error).toMatch(/^\{/);
      else expect(client.received.error === '').toBe(code === 0);
    });

    test('carries bytes as they are', async () => {
      const url = await execUrl(world, place.heart, 'head -c 256 | od -An -v -tx1; exit 0');
      const client = await WebSocketRemoteClient.open(url, protocol === '' ? [] : [protocol]);
      const bytes = Buffer.from(Array.from({ length: 256 }, (_, n) => n));
      client.write(bytes);
      await within('the exec', 10_000, client.closed);
      expect(client.received.stdout.replace(/\s/g, '')).toBe(bytes.toString('hex'));
    });
  });

  test.each(spdyProtocols)('SPDY protocol %j tells exit codes', async (protocol) => {
    for (const code of [0, 7, 255]) {
      const url = await execUrl(world, place.heart, `exit ${code}`, { streams: ['stdout'] });
      const client = await SpdyRemoteClient.open(url, ['stdout'], [protocol]);
      await within('the exec', 10_000, client.closed);
      expect(client.protocol).toBe(protocol);
      expect(exitCodeOf(client.received.error)).toBe(code);
    }
  });

  test('a command that cannot be run is told as a failure, not as an exit code', async () => {
    for (const transport of transports) {
      const cmd = ['/no/such/program'];
      const { url } = await world.cri.call('Exec', { containerId: place.heart, cmd, stdout: true });
      const client =
        transport === 'spdy'
          ? await SpdyRemoteClient.open(url, ['stdout'])
          : await WebSocketRemoteClient.open(url);
      await within('the exec', 10_000, client.closed);
      expect(exitCodeOf(client.received.error)).toBeUndefined();
      expect(client.received.error).toContain('/no/such/program');
    }
  });

  describe.each(transports)('over %s', (transport) => {
    test('half-closes stdin: the process reads its end and goes on writing', async () => {
      const client = await openExec(place, transport, 'wc -c; sleep 0.3; echo later; exit 4');
      client.write('12345');
      client.endStdin();
      await within('the exec', 10_000, client.closed);
      expect(client.received.stdout).toBe('5\nlater\n');
      expect(exitCodeOf(client.received.error)).toBe(4);
    });

    test('gives a terminal each new size', async () => {
      const options = { tty: true, streams: ['stdin', 'stdout'] } as const;
      const text = 'echo up; while read -r line; do stty size; done; exit 6';
      const client = await openExec(place, transport, text, options);
      const says = async (what: string, ask: () => void): Promise<void> => {
        await eventually(
          () => {
            ask();
            return client.received.stdout;
          },
          (seen) => seen.includes(what),
        );
      };
      await says('up', () => undefined);
      for (const [columns, rows] of [
        [80, 24],
        [132, 43],
        [1000, 500],
      ] as const) {
        // Sizes and input come on streams of their own: which is first is nobody's promise.
        client.resize(columns, rows);
        await says(`${rows} ${columns}`, () => client.write('\n'));
      }
      client.write('\u0004');
      await within('the exec', 10_000, client.closed);
      expect(exitCodeOf(client.received.error)).toBe(6);
    });

    test('keeps a slow reader waiting for nothing and losing nothing', async () => {
      const client = await openExec(place, transport, 'seq 1 400000', { streams: ['stdout'] });
      client.socket.pause();
      await sleep(1500);
      client.socket.resume();
      await within('the exec', 20_000, client.closed);
      // Two megabytes and a half; the client keeps the first.
      expect(client.received.stdout.length).toBeGreaterThanOrEqual(1 << 20);
      expect(client.received.stdout.slice(0, 1 << 20)).toBe(firstNumbers(1 << 20));
      expect(exitCodeOf(client.received.error)).toBe(0);
    });

    test('holds back a client whose process does not read, and does not drop it', async () => {
      const client = await openExec(place, transport, 'sleep 3; wc -c; exit 0');
      const part = Buffer.alloc(128 << 10, 'x');
      for (let n = 0; n < 64; n += 1) client.write(part);
      client.endStdin();
      await within('the exec', 30_000, client.closed);
      expect(client.received.stdout.trim()).toBe(String(part.length * 64));
    });
  });

  test('the server dies in the middle of an attach: the app does not notice, and a new attach works', async () => {
    for (const transport of transports) {
      const before = await containerStatus(world, place.counter);
      const client = await openAttach(place, transport, place.counter);
      await sleep(100);
      client.write(`one over ${transport}\n`);
      await eventually(
        () => client.received.stdout,
        (seen) => seen.includes(`one over ${transport}`),
      );
      client.write(`half a line over ${transport}`);
      await sleep(200);
      await world.gantry.daemon.kill();
      await within('the client learning of it', 5000, client.closed);
      await world.gantry.daemon.start();
      const again = await openAttach(place, transport, place.counter);
      await sleep(100);
      again.write(', and the rest\n');
      await eventually(
        () => again.received.stdout,
        (seen) => seen.includes(`half a line over ${transport}, and the rest`),
      );
      again.destroy();
      expect(await containerStatus(world, place.counter)).toMatchObject({
        state: 'CONTAINER_RUNNING',
        startedAt: before.startedAt,
      });
    }
    const counts = logOf(place.pod, 'counter').matchAll(/^got (\d+) /gm);
    const numbers = [...counts].map(([, n]) => Number(n));
    expect(numbers).toEqual(numbers.map((_, n) => n + 1));
  });

  test('a port-forward reaches a pod in the host’s network, and its refusals are told', async () => {
    const pod = await runPod(world, { linux: hostNetwork });
    // On the host's own loopback, and nowhere else.
    const mounts = [{ hostPath: join(world.directory, 'peer'), containerPath: '/peer', readonly: true }];
    const logPath = 'peer.log';
    await startContainer(world, pod, {
      command: ['/peer'],
      mounts,
      metadata: { name: 'peer', attempt: 0 },
      logPath,
    });
    await eventually(
      () => logOf(pod, 'peer'),
      (text) => text.includes('ready'),
    );
    for (const transport of transports) {
      expect(await forwarded(pod, transport, port.echo, 'through the host')).toBe('through the host');
      expect(await forwarded(pod, transport, port.closed, 'to nobody')).toMatch(/refused/i);
    }
    await removePod(world, pod);
  });

  /** What comes back from a port for what is sent; or the error. */
  async function forwarded(pod: Pod, transport: Transport, to: number, text: string): Promise<string> {
    let [data, error] = ['', ''];
    let close: () => void;
    if (transport === 'spdy') {
      const spdy = await SpdyConnection.open(await forwardUrl(world, pod.id, []), ['portforward.k8s.io']);
      const headers = { port: String(to), requestid: '0' };
      const errorId = await spdy.openStream({ ...headers, streamtype: 'error' });
      const dataId = await spdy.openStream({ ...headers, streamtype: 'data' });
      spdy.onData = (id, bytes) => {
        if (id === dataId) data += bytes.toString();
        if (id === errorId) error += bytes.toString();
      };
      spdy.send(dataId, Buffer.from(text));
      close = () => spdy.socket.destroy();
    } else {
      const url = await forwardUrl(world, pod.id, [to]);
      const channels = await WebSocketChannels.open(url, ['v4.channel.k8s.io']);
      const seen = [0, 0];
      channels.onData = (channel, bytes) => {
        // Each channel begins with its port.
        const first = seen[channel] === 0;
        seen[channel] = 1;
        const rest = bytes.subarray(first ? 2 : 0).toString();
        if (channel === 0) data += rest;
        else error += rest;
      };
      channels.send(0, Buffer.from(text));
      close = () => channels.terminate();
    }
    const answer = await eventually(
      () => data + error,
      (seen) => seen.length >= text.length,
    );
    close();
    return answer;
  }

  test('an ExecSync that times out leaves no process: not a child, not one that left its parent and session', async () => {
    const before = [...processesBelow(world.cgroupParent).values()].length;
    const text =
      '(setsid sh -c "trap \\"\\" HUP TERM; sleep 7777; sleep 7777" &); sleep 7777 & trap "" TERM; sleep 7777; sleep 7777';
    const began = Date.now();
    const call = world.cri.call('ExecSync', {
      containerId: place.heart,
      cmd: ['sh', '-c', text],
      timeout: 1n,
    });
    expect((await failure(call)).code).toBe(4);
    expect(Date.now() - began).toBeLessThan(4000);
    const left = [...processesBelow(world.cgroupParent).values()].filter((argv) => argv.includes('7777'));
    expect(left).toEqual([]);
    await eventually(
      () => processesBelow(world.cgroupParent).size,
      (count) => count <= before + 1, // the heart's `sleep` comes and goes
    );
    expect((await exec(world, place.heart, 'echo alive')).text).toBe('alive');
  });

  test('tokens are good once', async () => {
    const url = await attachUrl(world, place.heart, { streams: ['stdout'] });
    const client = await SpdyRemoteClient.open(url, ['stdout']);
    await expect(SpdyRemoteClient.open(url, ['stdout'])).rejects.toThrow(/404/);
    client.destroy();
  });
});

function firstNumbers(length: number): string {
  let text = '';
  for (let n = 1; text.length < length; n += 1) text += `${n}\n`;
  return text.slice(0, length);
}
