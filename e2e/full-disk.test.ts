import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  containerStatus,
  detachVolume,
  failure,
  hostNetwork,
  makeVolume,
  mountVolume,
  type Pod,
  podConfig,
  pull,
  runPod,
  script,
  shellImage,
  startContainer,
  type Volume,
  World,
  waitForExit,
} from './harness/index.ts';

// Gantry's root on a disk of its own that is full, of bytes or of files: what exits is still reported right, also when
// the server was down meanwhile, and everything can be stopped and removed.
describe.each(['bytes', 'inodes'] as const)('a disk without free %s', (what) => {
  let directory: string;
  let volume: Volume;
  let world: World;
  let pod: Pod;

  beforeAll(async () => {
    directory = mkdtempSync('/tmp/ge-disk-');
    volume = makeVolume(join(directory, 'disk.img'), 96);
    mountVolume(volume, join(directory, 'disk'));
    world = await World.create({ subnet: 111, server: { root: join(directory, 'disk', 'root') } });
    await pull(world, shellImage);
    pod = await runPod(world, { linux: hostNetwork });
  });
  afterAll(async () => {
    await world.dispose();
    execFileSync('umount', [join(directory, 'disk')]);
    detachVolume(volume);
    rmSync(directory, { recursive: true });
  });

  test('an exit with the server down', async () => {
    const id = await startContainer(world, pod, script('sleep 2; exit 9'));
    await world.gantry.daemon.kill();
    fill();
    await sleep(3000);
    await world.gantry.daemon.start();
    const status = await containerStatus(world, id);
    free();
    expect(status).toMatchObject({ state: 'CONTAINER_EXITED', exitCode: 9 });
    expect(Number(status.finishedAt - status.startedAt) / 1e9).toBeCloseTo(2, 0);
  });

  test('what needs room says that there is none, where, and what to do', async () => {
    fill();
    try {
      for (const call of [
        () => world.cri.call('RunPodSandbox', { config: podConfig(world, { linux: hostNetwork }) }),
        () => startContainer(world, pod),
        () => pull(world, 'gantry.test/big:1'),
      ]) {
        const error = await failure(call());
        expect(error.code, error.message).toBe(status.RESOURCE_EXHAUSTED);
        expect(error.message).toContain(join(directory, 'disk', 'root'));
        expect(error.message).toMatch(/no space left on device.*free some space or inodes/);
      }
    } finally {
      free();
    }
    const { items } = await world.cri.call('ListPodSandbox', {});
    expect(items.map(({ id }) => id)).toEqual([pod.id]);
    // The names are free again, and the image comes whole.
    await pull(world, 'gantry.test/big:1');
  });

  test('list, stop and remove while it is full', async () => {
    const first = await startContainer(world, pod);
    const second = await startContainer(world, pod, script('sleep 1; exit 3'));
    fill();
    expect((await waitForExit(world, second)).exitCode).toBe(3);
    expect((await world.cri.call('ListContainers', {})).containers.map(({ id }) => id)).toContain(first);
    await world.cri.call('StopContainer', { containerId: first, timeout: 1n });
    expect((await containerStatus(world, first)).state).toBe('CONTAINER_EXITED');
    await world.cri.call('StopPodSandbox', { podSandboxId: pod.id });
    await world.cri.call('RemovePodSandbox', { podSandboxId: pod.id });
    expect((await world.cri.call('ListPodSandbox', {})).items).toEqual([]);
    free();
    await world.removeEverything();
    expect(await world.leftovers()).toEqual([]);
  });

  const filler = (): string => join(directory, 'disk', 'filler');

  function fill(): void {
    mkdirSync(filler());
    try {
      if (what === 'inodes') for (let n = 0; ; n += 1) writeFileSync(join(filler(), `${n}`), '');
      const file = openSync(join(filler(), 'bytes'), 'w');
      try {
        // Ever smaller pieces, so that not one free block is left.
        for (let size = 1 << 20; size >= 1; size >>= 1) writeUntilFull(file, Buffer.alloc(size));
      } finally {
        closeSync(file);
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }

  function free(): void {
    rmSync(filler(), { recursive: true });
  }
});

function writeUntilFull(file: number, piece: Buffer): void {
  try {
    for (;;) writeSync(file, piece);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}
