import { setTimeout as sleep } from 'node:timers/promises';
import { status as code } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CriError } from '../hack/cri-client.ts';
import {
  containerStatus,
  exec,
  logOf,
  type Pod,
  podConfig,
  pull,
  removePod,
  runPod,
  script,
  shellImage,
  startContainer,
  World,
  waitForExit,
} from './harness/index.ts';

/** `e2e/kill-storm` asks for more. */
const kills = Number(process.env['GANTRY_KILLS'] ?? 100);
const steadyPods = 3;
const workers = 3;

// A server that is killed again and again, at any moment, while pods come and go; the clients retry as the kubelet does.
describe(`${kills} × kill -9 under load`, () => {
  let world: World;
  let over = false;
  const steady: { pod: Pod; id: string }[] = [];

  beforeAll(async () => {
    world = await World.create({ subnet: 112 });
    await pull(world, shellImage);
  });
  afterAll(async () => {
    await world.dispose();
  });

  test('no pod dies, no exit code is wrong, no log line is lost, nothing leaks', {
    timeout: 60_000 + kills * 10_000,
  }, async () => {
    for (let n = 0; n < steadyPods; n += 1) steady.push(await steadyPod());
    const work = Array.from({ length: workers }, async (_, n) => await worker(n));
    // Whichever fails or is done ends the others, too.
    const ended = [storm(), ...work].map((each) =>
      each.finally(() => {
        over = true;
      }),
    );
    const [, ...pods] = await Promise.all(ended);
    const done = pods.reduce<number>((sum, count) => sum + (count ?? 0), 0);
    // A storm in which nothing got done would prove nothing.
    expect(done).toBeGreaterThan(workers * 3);
    for (const { pod, id } of steady) await expectSteady(pod, id);
    await world.removeEverything();
    expect(await world.leftovers()).toEqual([]);
  });

  async function storm(): Promise<void> {
    for (let n = 0; n < kills && !over; n += 1) {
      // Half of the kills come while it starts, when it reconciles.
      await sleep(Math.random() * (n % 2 === 0 ? 100 : 800));
      await world.gantry.daemon.kill();
      await world.gantry.daemon.start();
    }
  }

  async function steadyPod(): Promise<{ pod: Pod; id: string }> {
    const pod = await runPod(world);
    const metadata = { name: 'steady', attempt: 0 };
    const count = script('n=0; while :; do echo $n; n=$((n+1)); sleep 0.01; done');
    return { pod, id: await startContainer(world, pod, { metadata, logPath: 'steady.log', ...count }) };
  }

  async function expectSteady(pod: Pod, id: string): Promise<void> {
    expect((await containerStatus(world, id)).state).toBe('CONTAINER_RUNNING');
    expect((await exec(world, id, 'echo alive')).text).toBe('alive');
    const lines = logOf(pod, 'steady').trimEnd().split('\n');
    expect(lines).toEqual(lines.map((_, n) => String(n)));
    expect(lines.length).toBeGreaterThan(500);
  }

  /** Pods from start to end, one after the other, each with a container of a known exit code. Returns how many. */
  async function worker(n: number): Promise<number> {
    let pods = 0;
    while (!over) {
      const wanted = (n * 40 + pods * 7) % 120;
      const config = podConfig(world);
      const { podSandboxId } = await persist(() => world.cri.call('RunPodSandbox', { config }));
      const pod = { id: podSandboxId, config };
      const id = await runToExit(pod, wanted);
      expect((await persist(() => waitForExit(world, id))).exitCode).toBe(wanted);
      await persist(() => removePod(world, pod));
      pods += 1;
    }
    return pods;
  }

  async function runToExit(pod: Pod, wanted: number): Promise<string> {
    const config = {
      metadata: { name: 'short', attempt: 0 },
      image: { image: shellImage },
      logPath: 'short.log',
      ...script(`sleep 0.2; exit ${wanted}`),
    };
    const request = { podSandboxId: pod.id, sandboxConfig: pod.config, config };
    const { containerId } = await persist(() => world.cri.call('CreateContainer', request));
    await persist(async () => {
      // The answer to a start that succeeded may have been lost.
      if ((await containerStatus(world, containerId)).state !== 'CONTAINER_CREATED') return;
      await world.cri.call('StartContainer', { containerId });
    });
    return containerId;
  }
});

/** Asks again while the server is away; any other answer is the answer. */
async function persist<T>(call: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      const away = [code.UNAVAILABLE, code.CANCELLED].includes((error as CriError).code);
      if (!away || Date.now() > deadline) throw error;
      await sleep(50);
    }
  }
}
