import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { status as code } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Image } from '../src/cri-types/index.ts';
import {
  containerStatus,
  createContainer,
  eventually,
  exec,
  failure,
  honest,
  hostNetwork,
  type Mischief,
  pull,
  type RogueRegistry,
  removePod,
  runPod,
  shellImage,
  startContainer,
  startRogueRegistry,
  World,
} from './harness/index.ts';
import { makeImage, makeLayer, Tree, writeHosts } from './images/index.ts';

let world: World;
let rogue: RogueRegistry;
beforeAll(async () => {
  world = await World.create({ subnet: 119 });
  rogue = await startRogueRegistry();
  // The same images under another name, and a registry that can be told to be slow.
  writeHosts(join(world.directory, 'hosts'), world.registry.url, ['mirror.test']);
  writeHosts(join(world.directory, 'hosts'), rogue.url, ['rogue.test']);
});
afterEach(async () => {
  await world.removeEverything();
});
afterAll(async () => {
  expect(await world.leftovers()).toEqual([]);
  await rogue.stop();
  await world.dispose();
});

const list = async (): Promise<readonly Image[]> => (await world.cri.call('ListImages', {})).images;
const status = async (image: string): Promise<Image | undefined> =>
  (await world.cri.call('ImageStatus', { image: { image } })).image;
const remove = async (image: string): Promise<unknown> => world.cri.call('RemoveImage', { image: { image } });
const layerFiles = (): string[] => readdirSync(join(world.gantry.root, 'layers'));

describe('an image has one ID', () => {
  test('in every call, however it is asked for', async () => {
    const ref = await pull(world, shellImage);
    const shown = await status(shellImage);
    expect(shown?.id).toBe(ref);
    const [digest = ''] = shown?.repoDigests ?? [];
    expect(digest).toMatch(/^gantry\.test\/base@sha256:[0-9a-f]{64}$/);
    for (const name of [ref, ref.replace('sha256:', ''), digest]) expect((await status(name))?.id).toBe(ref);
    expect((await list()).map(({ id }) => id)).toEqual([ref]);
    const filtered = await world.cri.call('ListImages', { filter: { image: { image: digest } } });
    expect(filtered.images.map(({ id }) => id)).toEqual([ref]);
    expect(await pull(world, digest)).toBe(ref);

    const pod = await runPod(world, { linux: hostNetwork });
    for (const image of [
      { image: ref, userSpecifiedImage: shellImage },
      { image: shellImage },
      { image: digest },
    ]) {
      const id = await startContainer(world, pod, { image });
      const { containers } = await world.cri.call('ListContainers', { filter: { id } });
      expect(containers.map(({ imageId, imageRef }) => [imageId, imageRef])).toEqual([[ref, ref]]);
      const container = await containerStatus(world, id);
      expect(container.imageId).toBe(ref);
      // These two are names: what users know the image by.
      expect(container.image?.image).toBe(shellImage);
      expect(container.imageRef).toBe(digest);
    }
    await removePod(world, pod);
  });

  test('from whichever registry it came', async () => {
    const [one, other] = [await pull(world, shellImage), await pull(world, 'mirror.test/base:1')];
    expect(other).toBe(one);
    const images = await list();
    expect(images).toHaveLength(1);
    expect(images[0]?.repoTags).toEqual(expect.arrayContaining([shellImage, 'mirror.test/base:1']));
    for (const name of [shellImage, 'mirror.test/base:1']) expect((await status(name))?.id).toBe(one);
    const pod = await runPod(world, { linux: hostNetwork });
    const id = await createContainer(world, pod, { image: { image: other } });
    expect((await containerStatus(world, id)).imageId).toBe(one);
    await removePod(world, pod);
  });
});

describe('an image is', () => {
  test('there the moment its pull returns, and gone the moment its removal does', async () => {
    for (let round = 0; round < 5; round += 1) {
      const ref = await pull(world, shellImage);
      expect((await list()).flatMap(({ repoTags }) => repoTags)).toEqual([shellImage]);
      expect((await status(shellImage))?.id).toBe(ref);
      await remove(ref);
      expect(await list()).toEqual([]);
      expect(await status(shellImage)).toBeUndefined();
    }
  });

  test('removed by many at once: each succeeds, and to each it is gone', async () => {
    for (let round = 0; round < 5; round += 1) {
      const ref = await pull(world, shellImage);
      const seen = await Promise.all(
        [1, 2, 3, 4, 5].map(async () => {
          await remove(ref);
          return await status(ref);
        }),
      );
      expect(seen).toEqual(seen.map(() => undefined));
    }
  });

  test('counted in the file system’s usage while it is there', async () => {
    const used = async (): Promise<bigint> => {
      const { imageFilesystems } = await world.cri.call('ImageFsInfo', {});
      return imageFilesystems[0]?.usedBytes?.value ?? 0n;
    };
    const before = await used();
    const ref = await pull(world, 'gantry.test/big:1');
    expect(await used()).toBeGreaterThan(before + (24n << 20n));
    await remove(ref);
    await eventually(used, (now) => now <= before);
  });
});

describe('pulls and removals at the same time', () => {
  const names = [shellImage, 'gantry.test/layers:1', 'gantry.test/big:1', 'gantry.test/platforms:1'];

  test('fail nobody, lists are of whole images, and in the end everything can be had', async () => {
    let isOver = false;
    const lists = (async () => {
      const count = { lists: 0, images: 0 };
      for (; !isOver; count.lists += 1) {
        for (const image of await list()) {
          count.images += 1;
          expect(image.size).toBeGreaterThan(0n);
          expect(image.repoTags.length + image.repoDigests.length).toBeGreaterThan(0);
        }
      }
      return count;
    })();
    const work = names.flatMap((name) =>
      [0, 1, 2].map(async (worker) => {
        for (let round = 0; round < 8; round += 1) {
          if ((round + worker) % 3 === 2) await remove(name);
          else await pull(world, name);
          await sleep((worker * 7 + round * 3) % 20);
        }
      }),
    );
    const done = await Promise.allSettled(work);
    isOver = true;
    expect(done.filter(({ status: how }) => how === 'rejected')).toEqual([]);
    expect((await lists).lists).toBeGreaterThan(5);
    expect((await lists).images).toBeGreaterThan(0);
    for (const name of names) await pull(world, name);
    const pod = await runPod(world, { linux: hostNetwork });
    for (const name of names) {
      const id = await startContainer(world, pod, { image: { image: name } });
      expect((await exec(world, id, 'echo runs')).text, name).toBe('runs');
    }
    await removePod(world, pod);
  });

  test('and containers that are made meanwhile run, or are told that their image is not there', async () => {
    const pod = await runPod(world, { linux: hostNetwork });
    let made = 0;
    let isOver = false;
    const churn = (async () => {
      while (!isOver) {
        await pull(world, shellImage);
        await sleep(15);
        await remove(shellImage);
      }
    })();
    for (let round = 0; round < 40; round += 1) {
      const created = await startContainer(world, pod).catch(
        (error: { code: number; details: string }) => error,
      );
      if (typeof created === 'string') {
        made += 1;
        expect((await exec(world, created, 'ls /bin/sh')).text).toBe('/bin/sh');
        await world.cri.call('RemoveContainer', { containerId: created });
      } else {
        expect(created.details).toMatch(/not found.*pull it first/);
        expect(created.code).toBe(code.NOT_FOUND);
        await sleep(5);
      }
    }
    isOver = true;
    await churn;
    expect(made).toBeGreaterThan(0);
    await removePod(world, pod);
  });
});

describe('a pull that takes too long', () => {
  let serial = 0;
  /** An image of 3 MiB in a registry that sends half of it, and the rest when it is told to. */
  async function slowImage(): Promise<{ name: string; goOn: () => void }> {
    serial += 1;
    const content = Buffer.alloc(3 << 20, `slow ${serial} `);
    for (let at = 0; at < content.length; at += 64) content.writeUInt32LE((at * 2_654_435_761) >>> 0, at);
    const image = makeImage([await makeLayer(new Tree().file('content', content), 'none')], { Cmd: ['sh'] });
    const gate = Promise.withResolvers<void>();
    const half: Mischief = (response, body, type) => {
      response.writeHead(200, { 'content-type': type, 'content-length': body.length });
      response.write(body.subarray(0, body.length >> 1));
      void gate.promise.then(() => response.end(body.subarray(body.length >> 1)));
    };
    rogue.add(`slow${serial}`, image, { layer: half, manifest: honest });
    return { name: `rogue.test/slow${serial}:1`, goOn: gate.resolve };
  }
  const pullFor = (name: string, milliseconds: number): Promise<unknown> =>
    world.cri.call('PullImage', { image: { image: name } }, milliseconds);

  test('ends at its caller’s deadline and leaves nothing; the retry succeeds', async () => {
    const { name, goOn } = await slowImage();
    const before = layerFiles();
    const from = performance.now();
    const error = await failure(pullFor(name, 1000));
    expect(error.code).toBe(code.DEADLINE_EXCEEDED);
    expect(performance.now() - from).toBeLessThan(3000);
    expect(await list()).toEqual([]);
    await eventually(layerFiles, (now) => now.length === before.length);
    expect(await world.leftovers()).toEqual([]);
    goOn();
    await pullFor(name, 30_000);
    expect((await status(name))?.repoTags).toEqual([name]);
  });

  test('goes on for those who have more time', async () => {
    const { name, goOn } = await slowImage();
    const patient = pullFor(name, 30_000);
    expect((await failure(pullFor(name, 800))).code).toBe(code.DEADLINE_EXCEEDED);
    goOn();
    await patient;
    expect(await list()).toHaveLength(1);
  });

  test('keeps nobody else waiting', async () => {
    const { name, goOn } = await slowImage();
    const slow = pullFor(name, 30_000);
    const from = performance.now();
    await pull(world, shellImage);
    expect((await list()).flatMap(({ repoTags }) => repoTags)).toEqual([shellImage]);
    await remove(shellImage);
    expect(performance.now() - from).toBeLessThan(5000);
    goOn();
    await slow;
  });

  test('and whose server is killed leaves nothing behind', async () => {
    const { name, goOn } = await slowImage();
    const before = layerFiles().length;
    const lost = failure(pullFor(name, 30_000));
    await eventually(layerFiles, (now) => now.length > before);
    await world.gantry.daemon.kill();
    await lost;
    await world.gantry.daemon.start();
    expect(await list()).toEqual([]);
    await eventually(layerFiles, (now) => now.length === before);
    goOn();
    await pullFor(name, 30_000);
  });
});
