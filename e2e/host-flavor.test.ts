import { readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  containerStatus,
  createContainer,
  eventually,
  exec,
  failure,
  logOf,
  type Pod,
  podConfig,
  pull,
  removePod,
  script,
  shellImage,
  startContainer,
  World,
  waitForExit,
} from './harness/index.ts';

let world: World;
beforeAll(async () => {
  world = await World.create({ subnet: 133 });
  await pull(world, shellImage);
});
afterAll(async () => {
  await world.removeEverything();
  expect(await world.leftovers()).toEqual([]);
  await world.dispose();
});

async function runHostPod(config: Parameters<typeof podConfig>[1] = {}): Promise<Pod> {
  const whole = podConfig(world, config);
  const { podSandboxId } = await world.cri.call('RunPodSandbox', { config: whole, runtimeHandler: 'host' });
  return { id: podSandboxId, config: whole };
}

// rkt's *fly*: an image's files, a cgroup and a log of its own, and the host's namespaces for all else, whatever the pod asks for.
describe('a pod of the handler "host"', () => {
  test('shares the host’s namespaces and has a root of its own', async () => {
    const pod = await runHostPod({ hostname: 'ignored' });
    const id = await startContainer(world, pod);
    for (const name of ['net', 'ipc', 'uts', 'pid', 'user']) {
      const { text } = await exec(world, id, `readlink /proc/self/ns/${name}`);
      expect(text).toBe(readlinkSync(`/proc/${world.gantry.daemon.pid}/ns/${name}`));
    }
    expect((await exec(world, id, 'readlink /proc/self/ns/mnt')).text).not.toBe(
      readlinkSync('/proc/self/ns/mnt'),
    );
    expect((await exec(world, id, 'hostname')).text).toBe(hostname());
    expect((await exec(world, id, 'echo mine > /own && cat /own')).text).toBe('mine');
    expect((await exec(world, id, 'cat /proc/self/cgroup')).text).toContain(world.cgroupParent);
    await removePod(world, pod);
  });

  test('is listed with its handler, without an address, and writes CRI’s log', async () => {
    const pod = await runHostPod();
    const { status } = await world.cri.call('PodSandboxStatus', { podSandboxId: pod.id });
    expect(status).toMatchObject({ runtimeHandler: 'host', state: 'SANDBOX_READY', network: { ip: '' } });
    const metadata = { name: 'says', attempt: 0 };
    const id = await startContainer(world, pod, { metadata, ...script('echo hello; exit 3') });
    expect((await waitForExit(world, id)).exitCode).toBe(3);
    await eventually(
      () => logOf(pod, 'says'),
      (log) => log === 'hello\n',
    );
    await removePod(world, pod);
  });

  test('ends its processes at a stop, and survives the server', async () => {
    const pod = await runHostPod();
    const id = await startContainer(world, pod, script('sleep 36001 & sleep 36001'));
    await world.gantry.daemon.kill();
    await world.gantry.daemon.start();
    expect((await containerStatus(world, id)).state).toBe('CONTAINER_RUNNING');
    const started = await startContainer(world, pod);
    await world.cri.call('StopContainer', { containerId: id, timeout: 0 });
    expect((await exec(world, started, 'ps | grep -c "[s]leep 36001"')).text).toBe('0');
    await world.cri.call('StopPodSandbox', { podSandboxId: pod.id });
    expect((await containerStatus(world, started)).state).toBe('CONTAINER_EXITED');
    expect((await failure(createContainer(world, pod))).details).toContain(pod.id);
    await removePod(world, pod);
  });

  test('asks for no setting of a network or IPC namespace that it does not have', async () => {
    const sysctls = { 'net.ipv4.ip_forward': '1' };
    const error = await failure(runHostPod({ linux: { sysctls } }));
    expect(error.details).toContain('net.ipv4.ip_forward');
  });
});
