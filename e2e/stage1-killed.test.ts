import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  eventually,
  exec,
  failure,
  type Pod,
  pull,
  removePod,
  runPod,
  script,
  shellImage,
  startContainer,
  World,
  waitForExit,
} from './harness/index.ts';

// The kubelet, or an operator, may kill a pod's supervisor; what it supervised must not live on unseen.
describe('a pod whose stage1 was killed with -9', () => {
  let world: World;

  beforeAll(async () => {
    world = await World.create({ subnet: 107 });
    await pull(world, shellImage);
  });
  afterAll(async () => {
    await world.dispose();
  });

  /** A container with a child that left its session, and the pids of all its processes as the host counts them. */
  async function podWithForkedChild(marker: string): Promise<{ pod: Pod; id: string }> {
    const pod = await runPod(world);
    const id = await startContainer(world, pod, script(`setsid sleep ${marker} & sleep ${marker}`));
    await eventually(
      () => processes(marker),
      (pids) => pids.length === 2,
    );
    return { pod, id };
  }

  async function expectDead(pod: Pod, id: string, marker: string): Promise<void> {
    const status = await waitForExit(world, id, 10);
    expect(status.exitCode).toBe(137);
    expect(processes(marker)).toEqual([]);
    const answer = await world.cri.call('PodSandboxStatus', { podSandboxId: pod.id });
    expect(answer.status?.state).toBe('SANDBOX_NOTREADY');
    expect((await failure(exec(world, id, 'true'))).details).toContain(id);
    await removePod(world, pod);
  }

  test('is reported dead and torn down like any other, the server being up', async () => {
    const { pod, id } = await podWithForkedChild('71001');
    process.kill(supervisorOf(pod), 'SIGKILL');
    await expectDead(pod, id, '71001');
  });

  test('the same when it happened while the server was down', async () => {
    const { pod, id } = await podWithForkedChild('71002');
    await world.gantry.daemon.kill();
    process.kill(supervisorOf(pod), 'SIGKILL');
    await world.gantry.daemon.start();
    await expectDead(pod, id, '71002');
  });

  test('the neighbours did not notice, and nothing is left', async () => {
    const neighbour = await runPod(world);
    const alive = await startContainer(world, neighbour);
    const { pod, id } = await podWithForkedChild('71003');
    process.kill(supervisorOf(pod), 'SIGKILL');
    await expectDead(pod, id, '71003');
    expect((await exec(world, alive, 'echo alive')).text).toBe('alive');
    await removePod(world, neighbour);
    await world.removeEverything();
    expect(await world.leftovers()).toEqual([]);
  });

  /** stage1 is named after its pod in its arguments. */
  function supervisorOf(pod: Pod): number {
    const pids = execFileSync('pgrep', ['--full', `gantry-stage1.*${pod.id}`], { encoding: 'utf8' });
    return Number(pids.trim().split('\n')[0]);
  }

  function processes(marker: string): string[] {
    try {
      const pids = execFileSync('pgrep', ['--full', '--exact', `sleep ${marker}`], { encoding: 'utf8' });
      return pids.trim().split('\n');
    } catch {
      return [];
    }
  }
});
