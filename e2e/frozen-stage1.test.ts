// A stage1 that does not run for a while (its cgroup is frozen, somebody stopped it): calls to it end in time, and what was given
// up does not happen later.
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  eventually,
  exec,
  failure,
  hostNetwork,
  type Pod,
  pull,
  runPod,
  shellImage,
  startContainer,
  World,
} from './harness/index.ts';

const DEADLINE_EXCEEDED = 4;

let world: World;
let pod: Pod;
let id: string;

beforeAll(async () => {
  world = await World.create({ subnet: 118 });
  await pull(world, shellImage);
  pod = await runPod(world, { linux: hostNetwork });
  id = await startContainer(world, pod);
});
afterAll(async () => {
  await world.removeEverything();
  expect(await world.leftovers()).toEqual([]);
  await world.dispose();
});

/** Of a pod, by its directory among the arguments; the oldest, since its children may show the same. */
function stage1Of({ id: podId }: Pod): number {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const found = pids.filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`/pods/${podId}\0`);
    } catch {
      return false;
    }
  });
  return Math.min(...found.map(Number));
}

const descriptors = (): number => readdirSync(`/proc/${world.gantry.daemon.pid}/fd`).length;

test('20 execs with a time-out end in time, keep no descriptor, and never run', async () => {
  expect((await exec(world, id, 'echo ready')).text).toBe('ready');
  const before = descriptors();
  const stage1 = stage1Of(pod);
  process.kill(stage1, 'SIGSTOP');
  try {
    const calls = Array.from({ length: 20 }, () =>
      failure(
        world.cri.call('ExecSync', { containerId: id, cmd: ['sh', '-c', 'echo ran >> /ran'], timeout: 2 }),
      ),
    );
    const givenUp = failure(
      world.cri.call(
        'ExecSync',
        { containerId: id, cmd: ['sh', '-c', 'echo ran >> /ran'], timeout: 0 },
        2_000,
      ),
    );
    const errors = await Promise.all([...calls, givenUp]);
    expect(new Set(errors.map(({ code }) => code))).toEqual(new Set([DEADLINE_EXCEEDED]));
    expect(errors[0]?.details).toContain('timed out: timeout 2s exceeded');
    await eventually(descriptors, (now) => now <= before);
    await world.cri.call('Version', {});
    await world.cri.call('ListContainers', {});
  } finally {
    process.kill(stage1, 'SIGCONT');
  }
  expect((await exec(world, id, 'echo alive')).text).toBe('alive');
  await sleep(1_000);
  expect((await exec(world, id, 'test -e /ran; echo $?')).text).toBe('1');
});
