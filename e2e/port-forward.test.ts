import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  eventually,
  hostNetwork,
  type Pod,
  programs,
  pull,
  runPod,
  script,
  shellImage,
  startContainer,
  World,
} from './harness/index.ts';

// A server that closes its connections first, as most do that speak HTTP/1.0: the client's library then resets the data of
// each, and gives the whole forward up if it is told of an error for that.
const serverPort = 18_231;
const size = 300_000;

describe('a port-forward by crictl', () => {
  let world: World;
  const pods: Pod[] = [];
  beforeAll(async () => {
    world = await World.create({ subnet: 141 });
    await pull(world, shellImage);
    for (const linux of [{}, hostNetwork]) {
      const name = `forward-${pods.length}`;
      const pod = await runPod(world, { metadata: { name, namespace: 'e2e', uid: name, attempt: 0 }, linux });
      pods.push(pod);
      const port = serverPort + pods.length;
      const text = `mkdir /www; head -c ${size} /dev/zero | tr '\\0' x >/www/index.html; exec httpd -f -p ${port} -h /www`;
      await startContainer(world, pod, script(text));
    }
  });
  afterAll(async () => {
    await world.dispose();
  });

  describe.each(['spdy', 'websocket'])('over %s', (transport) => {
    test.each(['a network of its own', 'the host’s network'])('to a pod in %s', async (which) => {
      const index = which === 'the host’s network' ? 1 : 0;
      const forward = await start(transport, pods[index]?.id ?? '', serverPort + index + 1);
      try {
        for (let n = 0; n < 10; n += 1) expect(await fetchAll(forward.local)).toBe(size);
        for (let n = 0; n < 5; n += 1) await fetchAndReset(forward.local);
        for (let n = 0; n < 3; n += 1) expect(await fetchAll(forward.local)).toBe(size);
        const together = await Promise.all(Array.from({ length: 10 }, () => fetchAll(forward.local)));
        expect(together).toEqual(together.map(() => size));
        expect(forward.process.exitCode).toBeNull();
        // What the client says of its own connections that were reset is its own affair.
        expect(forward.output()).not.toMatch(/an error occurred forwarding|lost connection/i);
      } finally {
        forward.process.kill();
        await once(forward.process, 'exit');
      }
    });
  });

  async function start(
    transport: string,
    podId: string,
    port: number,
  ): Promise<{ process: ChildProcess; local: number; output: () => string }> {
    const args = ['port-forward', '--transport', transport, podId, `0:${port}`];
    const child = spawn(programs.crictl, world.crictl.arguments(args), { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => (text += bytes));
    const seen = await eventually(
      () => /Forwarding from 127\.0\.0\.1:(\d+) ->/.exec(text),
      (match) => match !== null,
      30,
    );
    return { process: child, local: Number(seen?.[1]), output: () => text };
  }
});

const request = 'GET / HTTP/1.0\r\n\r\n';

/** Bytes of the body; the server closes. */
async function fetchAll(port: number): Promise<number> {
  const socket = connect({ host: '127.0.0.1', port });
  socket.write(request);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  const all = Buffer.concat(chunks);
  const head = all.indexOf('\r\n\r\n');
  return head < 0 ? -1 : all.length - head - 4;
}

async function fetchAndReset(port: number): Promise<void> {
  const socket = connect({ host: '127.0.0.1', port });
  socket.on('error', () => undefined);
  socket.write(request);
  await once(socket, 'data');
  socket.resetAndDestroy();
  await sleep(50);
}
