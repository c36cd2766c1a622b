import { execFileSync, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  containerStatus,
  createContainer,
  exec,
  pull,
  purge,
  runPod,
  script,
  shellImage,
  startContainer,
  World,
  waitForExit,
} from './harness/index.ts';

// After a reboot the root directory is as it was, and nothing else is: no process, no mount, no namespace, no cgroup,
// an empty state directory, another boot ID. The boot ID is a file of ours that is bound over the kernel's where the
// server looks; the rest is taken away by hand.
describe('a reboot', () => {
  let world: World;
  let directory: string;
  const bootId = (): string => join(directory, 'boot_id');

  beforeAll(async () => {
    directory = mkdtempSync('/tmp/ge-boot-');
    writeFileSync(bootId(), `${randomUUID()}\n`);
    const bind = `mount --bind ${bootId()} /proc/sys/kernel/random/boot_id && exec "$@"`;
    const wrapper = ['unshare', '--mount', '--propagation', 'slave', 'sh', '-c', bind, 'sh'];
    world = await World.create({ subnet: 113, network: 'cni', server: { wrapper } });
    await pull(world, shellImage);
  });
  afterAll(async () => {
    await world.dispose();
    rmSync(directory, { recursive: true });
  });

  test('what ran is reported as exited, and can be removed', async () => {
    const pod = await runPod(world);
    const running = await startContainer(world, pod);
    const created = await createContainer(world, pod);
    const ended = await startContainer(world, pod, script('exit 4'));
    await waitForExit(world, ended);
    await reboot();

    const { items } = await world.cri.call('ListPodSandbox', {});
    expect(items).toMatchObject([{ id: pod.id, state: 'SANDBOX_NOTREADY' }]);
    expect(await containerStatus(world, ended)).toMatchObject({ state: 'CONTAINER_EXITED', exitCode: 4 });
    for (const id of [running, created]) {
      const status = await containerStatus(world, id);
      expect(status.state).toBe('CONTAINER_EXITED');
      expect(status.exitCode).not.toBe(0);
    }
    // The addresses of pods that the reboot ended are free again, at the latest when they are removed.
    await world.cri.call('RemovePodSandbox', { podSandboxId: pod.id });
    expect(readdirSync(world.reservations).filter((name) => name.startsWith('10.'))).toEqual([]);
  });

  test('images are there still, and pods start from them', async () => {
    const pod = await runPod(world);
    const id = await startContainer(world, pod);
    expect((await exec(world, id, 'echo up again')).text).toBe('up again');
  });

  test('nothing is left once all is removed', async () => {
    await world.removeEverything();
    expect(await world.leftovers()).toEqual([]);
  });

  async function reboot(): Promise<void> {
    await world.gantry.daemon.kill();
    const names = namespaces();
    // Supervisors by their arguments, and whatever lived in the pods' namespaces.
    for (const name of names) killAll(execFileSync('ip', ['netns', 'pids', name], { encoding: 'utf8' }));
    purge(world.directory, [world.registry.pid]);
    for (const name of names) spawnSync('ip', ['netns', 'delete', name]);
    rmSync(world.gantry.state, { recursive: true, force: true });
    writeFileSync(bootId(), `${randomUUID()}\n`);
    await world.gantry.daemon.start();
  }

  /** The named network namespaces of this world's pods. */
  function namespaces(): string[] {
    const records = spawnSync('grep', ['-rhoE', '/run/netns/[A-Za-z0-9._-]+', world.gantry.root], {
      encoding: 'utf8',
    });
    return [...new Set(records.stdout.split('\n').filter(Boolean))].map((path) =>
      path.replace('/run/netns/', ''),
    );
  }

  function killAll(pids: string): void {
    for (const pid of pids.split('\n').filter(Boolean)) {
      if (readFileSync(`/proc/${pid}/comm`, 'utf8') !== '') process.kill(Number(pid), 'SIGKILL');
    }
  }
});
