// Execs whose caller does not wait any more: none of them runs later. stage1 is stopped meanwhile, as a frozen cgroup or a
// suspended machine would stop it.

import { readFileSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { encodeFrame, makeRootfs, newId, openStream, type Rootfs, TestPod } from '../testing/index.ts';

const ECANCELED = 125;
let rootfs: Rootfs;
let pod: TestPod;
let id: string;
let ran: string;

beforeAll(() => {
  rootfs = makeRootfs();
});
afterAll(() => rootfs.remove());
beforeEach(async () => {
  pod = await TestPod.start({ rootfs: rootfs.path });
  id = await pod.run({ args: ['sleep', '1000'] });
  ran = join(rootfs.path, `ran-${newId()}`);
  writeFileSync(ran, '');
});
afterEach(() => pod.close());

const command = (word: string): string[] => ['sh', '-c', `echo ${word} >> /${ran.split('/').at(-1)}`];

/** Writes the frame and does not wait for stage1, which sleeps. */
function openWithoutAnswer(execId: string, stream: 'STDOUT' | 'STDERR'): Promise<{ destroy(): void }> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ path: pod.socketPath });
    socket.on('error', reject);
    socket.once('connect', () =>
      socket.write(encodeFrame({ openStream: { appId: id, execId, stream } }), () => resolve(socket)),
    );
  });
}

it('with closed streams, with a time that has passed, or killed before they began', async () => {
  const requests: Promise<unknown>[] = [];
  process.kill(pod.pid, 'SIGSTOP');
  try {
    for (let count = 0; count < 5; count++) {
      const execId = newId();
      const streams = ['STDOUT', 'STDERR'] as const;
      const sockets = await Promise.all(streams.map((stream) => openWithoutAnswer(execId, stream)));
      requests.push(pod.startExec(id, execId, command('closed'), { streams }));
      for (const socket of sockets) socket.destroy();
    }
    const past = (process.hrtime.bigint() - 1n).toString();
    requests.push(pod.startExec(id, newId(), command('late'), { notAfter: past }));
    const killed = newId();
    requests.push(pod.startExec(id, killed, command('killed'), { streams: ['STDOUT'] }));
    const kill = pod.control.request({ kill: { appId: id, signal: 9, all: true, execId: killed } });
    requests.push(kill.then(() => Promise.reject(Object.assign(new Error('killed'), { errno: ECANCELED }))));
    for (const request of requests) request.catch(() => undefined);
  } finally {
    process.kill(pod.pid, 'SIGCONT');
  }
  for (const request of requests) await expect(request).rejects.toMatchObject({ errno: ECANCELED });
  const soon = (process.hrtime.bigint() + 60_000_000_000n).toString();
  await pod.startExec(id, newId(), command('wanted'), { notAfter: soon });
  await expect.poll(() => readFileSync(ran, 'utf8')).toBe('wanted\n');
});

it('but streams that end for writing alone are waited for', async () => {
  const execId = newId();
  const input = await openStream(pod.socketPath, { appId: id, execId, stream: 'STDIN' });
  input.end('half closed');
  await pod.startExec(id, execId, ['sh', '-c', `cat >> /${ran.split('/').at(-1)}`], { streams: ['STDIN'] });
  await expect.poll(() => readFileSync(ran, 'utf8')).toBe('half closed');
});
