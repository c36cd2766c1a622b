// A stage1 that does not run for a while at a container's start: its caller is told that it failed, and then it is not left running.
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  containerStatus,
  createContainer,
  failure,
  hostNetwork,
  type Pod,
  pull,
  runPod,
  script,
  shellImage,
  World,
  waitForExit,
} from './harness/index.ts';

const DEADLINE_EXCEEDED = 4;

let world: World;
let pod: Pod;

beforeAll(async () => {
  world = await World.create({
    subnet: 149,
    server: { wrapper: ['env', 'GANTRY_DEADLINES=stage1Mounts=1000'] },
  });
  await pull(world, shellImage);
  pod = await runPod(world, { linux: hostNetwork });
});
afterAll(async () => {
  await world.removeEverything();
  expect(await world.leftovers()).toEqual([]);
  await world.dispose();
});

/** Of the pod, by its directory among the arguments; the oldest, since its children may show the same. */
function stage1(): number {
  const found = readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`/pods/${pod.id}\0`);
    } catch {
      return false;
    }
  });
  return Math.min(...found.map(Number));
}

test('a start that was not answered is no end, and what starts late is killed', async () => {
  const id = await createContainer(world, pod, script('sleep 71009'));
  const pid = stage1();
  process.kill(pid, 'SIGSTOP');
  try {
    const error = await failure(world.cri.call('StartContainer', { containerId: id }));
    expect(error.code).toBe(DEADLINE_EXCEEDED);
    // What became of it is not known.
    expect((await containerStatus(world, id)).state).toBe('CONTAINER_CREATED');
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  expect(await waitForExit(world, id, 10)).toMatchObject({ exitCode: 137 });
  const alive = readdirSync('/proc').filter((name) => {
    try {
      return readFileSync(`/proc/${name}/cmdline`, 'utf8') === 'sleep\x0071009\0';
    } catch {
      return false;
    }
  });
  expect(alive).toEqual([]);
});
