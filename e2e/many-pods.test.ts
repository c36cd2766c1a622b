import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  eventually,
  exec,
  type Pod,
  pull,
  runPod,
  shellImage,
  startContainer,
  World,
} from './harness/index.ts';

/** `e2e/many-pods` asks for more. */
const pods = Number(process.env['GANTRY_PODS'] ?? 60);
/** Those whose stage1 does not answer while the server starts. */
const hung = pods / 10;
const atOnce = 8;

describe(`a server that starts with ${pods} pods, ${hung} of which do not answer`, () => {
  let world: World;
  const made: { pod: Pod; container: string }[] = [];

  beforeAll(
    async () => {
      world = await World.create({ subnet: 133 });
      await pull(world, shellImage);
      let left = pods;
      const maker = async (): Promise<void> => {
        while (left-- > 0) {
          const pod = await runPod(world, {
            linux: { securityContext: { namespaceOptions: { network: 'NODE' } } },
          });
          made.push({ pod, container: await startContainer(world, pod) });
        }
      };
      await Promise.all(Array.from({ length: atOnce }, maker));
    },
    60_000 + pods * 1000,
  );
  afterAll(
    async () => {
      for (const { pod } of made) signal(pod, 'SIGCONT');
      await world.dispose();
    },
    60_000 + pods * 1000,
  );

  const pidOf = (pod: Pod): number =>
    (
      JSON.parse(readFileSync(join(world.gantry.root, 'pods', pod.id, 'record.json'), 'utf8')) as {
        pid: number;
      }
    ).pid;
  function signal(pod: Pod, name: 'SIGSTOP' | 'SIGCONT'): void {
    try {
      process.kill(pidOf(pod), name);
    } catch {
      // It has gone.
    }
  }

  test('has the others at once: they are listed, run commands, are stopped and made', async () => {
    await world.gantry.daemon.kill();
    const [silent, living] = [made.slice(0, hung), made.slice(hung)];
    for (const { pod } of silent) signal(pod, 'SIGSTOP');
    const started = performance.now();
    await world.gantry.daemon.start();
    const up = performance.now();
    const { items } = await world.cri.call('ListPodSandbox', {
      filter: { state: { state: 'SANDBOX_READY' } },
    });
    expect(items).toHaveLength(pods);
    const listed = performance.now();
    // The first and the last that it has adopted.
    for (const one of [living[0], living.at(-1)]) {
      expect((await exec(world, one?.container ?? '', 'echo here')).text).toBe('here');
    }
    const used = performance.now();
    console.log(
      `start ${Math.round(up - started)} ms, then list ${Math.round(listed - up)} ms, two execs ${Math.round(used - listed)} ms`,
    );
    const fresh = await runPod(world);
    await world.cri.call('RemovePodSandbox', { podSandboxId: fresh.id }, 30_000);
  });

  test('has those too when they answer again', async () => {
    for (const { pod } of made.slice(0, hung)) signal(pod, 'SIGCONT');
    for (const { container } of made.slice(0, hung)) {
      await eventually(
        async () => await exec(world, container, 'echo here').then(({ text }) => text, String),
        (text) => text === 'here',
        60,
      );
    }
  }, 120_000);

  test(
    'ends them all, and nothing is left',
    async () => {
      await world.removeEverything();
      expect(await world.leftovers()).toEqual([]);
    },
    60_000 + pods * 1000,
  );
});
