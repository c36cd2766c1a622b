import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { MountInit } from '../src/cri-types/index.ts';
import {
  containerStatus,
  createContainer,
  eventually,
  exec,
  failure,
  hostNetwork,
  type Pod,
  pull,
  removePod,
  runPod,
  shellImage,
  startContainer,
  World,
} from './harness/index.ts';

// Several layers, whiteouts and links among them (e2e/images/own.ts).
const name = 'gantry.test/layers:1';
const UNKNOWN = 2;

let world: World;
let pod: Pod;
/** What PullImage said. */
let ref: string;

beforeAll(async () => {
  world = await World.create({ subnet: 116 });
  await pull(world, shellImage);
  pod = await runPod(world, { linux: hostNetwork });
});
beforeEach(async () => {
  ref = await pull(world, name);
});
afterAll(async () => {
  await world.removeEverything();
  expect(await world.leftovers()).toEqual([]);
  await world.dispose();
});

/** As the kubelet asks: by what the pull returned, with what the user wrote for information. */
const volume = (mount: MountInit = {}): MountInit => ({
  containerPath: '/volume',
  readonly: true,
  image: { image: ref, userSpecifiedImage: name },
  ...mount,
});
const withVolume = async (mount: MountInit = {}): Promise<string> =>
  await startContainer(world, pod, { mounts: [volume(mount)] });
const say = async (id: string, text: string): Promise<string> => (await exec(world, id, text)).text;
const remove = async (containerId: string): Promise<void> => {
  await world.cri.call('RemoveContainer', { containerId });
};
const isListed = async (image: string): Promise<boolean> => {
  const { images } = await world.cri.call('ListImages', {});
  return images.some(({ id }) => id === image);
};
/** Converted layers in the store. */
const layers = (): string[] =>
  readdirSync(join(world.gantry.root, 'layers')).filter((file) => file.endsWith('.erofs'));

describe('an image volume', () => {
  test('is in the container’s status with the image’s digest, before and after the start', async () => {
    const id = await createContainer(world, pod, { mounts: [volume()] });
    const shown = {
      containerPath: '/volume',
      readonly: true,
      hostPath: '',
      image: { image: ref, imageRef: ref, userSpecifiedImage: name },
    };
    expect((await containerStatus(world, id)).mounts).toMatchObject([shown]);
    await world.cri.call('StartContainer', { containerId: id });
    expect((await containerStatus(world, id)).mounts).toMatchObject([shown]);
    await remove(id);
  });

  test('is named by its ID in the status whatever name it was asked by: so the kubelet knows that it is in use', async () => {
    const id = await withVolume({ image: { image: name }, imageSubPath: 'stack' });
    const [mount] = (await containerStatus(world, id)).mounts;
    expect(mount).toMatchObject({ image: { image: ref, imageRef: ref }, imageSubPath: 'stack' });
    expect(await isListed(ref)).toBe(true);
    await remove(id);
  });

  test('holds the image’s files as its layers make them', async () => {
    const id = await withVolume();
    expect(await say(id, 'cat /volume/stack/replaced; ls -d /volume/stack/removed 2>&1')).toContain(
      'No such',
    );
    expect(await say(id, 'stat -c "%u %g %a" /volume/stack/kept')).toBe('1002 33 640');
    expect(await say(id, 'ls /volume/bin/sh')).toBe('/volume/bin/sh');
    await remove(id);
  });

  test('cannot be written, by root neither, and its programs can be run', async () => {
    const id = await withVolume();
    for (const text of ['touch /volume/new', 'rm /volume/stack/kept', 'chmod 777 /volume']) {
      const done = await exec(world, id, text);
      expect(done.exitCode, text).not.toBe(0);
      expect(Buffer.from(done.stderr).toString()).toContain('Read-only file system');
    }
    expect(await say(id, '/volume/bin/echo run')).toBe('run');
    await remove(id);
    const careful = await withVolume({ mountOptions: ['noexec'] });
    expect((await exec(world, careful, '/volume/bin/echo run')).exitCode).toBe(126);
    await remove(careful);
  });

  test('may be there several times, also of the container’s own image', async () => {
    const own = { image: { image: shellImage } };
    const id = await startContainer(world, pod, {
      mounts: [
        volume({ containerPath: '/deep/er/two' }),
        volume({ containerPath: '/one', ...own, imageSubPath: 'etc' }),
        volume({ containerPath: '/three', imageSubPath: 'stack/opaque' }),
      ],
    });
    expect(await say(id, 'ls /deep/er/two/stack/kept; cmp /one/passwd /etc/passwd && echo same')).toBe(
      '/deep/er/two/stack/kept\nsame',
    );
    expect(await say(id, 'ls -A /three')).not.toContain('hidden');
    const { mounts } = await containerStatus(world, id);
    expect(mounts.map(({ image }) => image?.imageRef === ref)).toEqual([true, false, true]);
    await remove(id);
  });

  test('in a pod with a user namespace has that one’s owners', async () => {
    const ids = [{ containerId: 0, hostId: 700_000, length: 65_536 }];
    const namespaceOptions = { usernsOptions: { mode: 'POD' as const, uids: ids, gids: ids } };
    const linux = { securityContext: { namespaceOptions } };
    const apart = await runPod(world, { linux });
    for (const mount of [volume(), volume({ uidMappings: ids, gidMappings: ids, imageSubPath: 'stack' })]) {
      const id = await startContainer(world, apart, { linux, mounts: [mount] });
      expect(await say(id, 'stat -c "%u %g" /volume $(find /volume -name kept)')).toBe('0 0\n1002 33');
      expect((await exec(world, id, 'touch /volume/new')).exitCode).not.toBe(0);
    }
    await removePod(world, apart);
  });
});

describe('a sub-path', () => {
  test.each([
    ['stack', 'cat /volume/kept; ls /volume/stack 2>&1', /^below\nls: .*No such file/],
    ['stack/kept', 'cat /volume; test -f /volume && echo file', /^below\nfile$/],
    ['./stack//', 'cat /volume/kept', /^below$/],
    // Links are followed as inside of the image, wherever they seem to lead.
    ['stack/link', 'cat /volume', /^below$/],
    ['var/run', 'test -d /volume && echo directory', /^directory$/],
  ])('%s is all that is shown', async (imageSubPath, text, expected) => {
    const id = await withVolume({ imageSubPath });
    expect(await say(id, text)).toMatch(expected);
    await remove(id);
  });

  test.each(['not-existing', 'stack/removed', 'stack/kept/below'])(
    'that is not in the image fails the create: %s',
    async (imageSubPath) => {
      const error = await failure(withVolume({ imageSubPath }));
      expect(error.code).toBe(UNKNOWN);
      expect(error.details).toMatch(/^ImageVolumeMountFailed: \/volume: /);
      if (imageSubPath !== 'stack/kept/below')
        expect(error.details).toContain(`sub-path "${imageSubPath}" does not exist in image ${name}`);
    },
  );

  test('that fails leaves nothing, and its name is free at once', async () => {
    const metadata = { name: 'again', attempt: 0 };
    const before = (await world.cri.call('ListContainers', {})).containers.length;
    await failure(createContainer(world, pod, { metadata, mounts: [volume({ imageSubPath: 'no' })] }));
    expect((await world.cri.call('ListContainers', {})).containers).toHaveLength(before);
    const id = await createContainer(world, pod, { metadata, mounts: [volume({ imageSubPath: 'etc' })] });
    await remove(id);
  });
});

describe('is refused', () => {
  test.each<[string, MountInit, string]>([
    ['an image volume that is not read-only', { readonly: false }, 'readonly must be true'],
    ['one with a host path', { hostPath: '/tmp' }, 'both an image and the host path /tmp'],
    [
      'an image that was not pulled',
      { image: { image: 'gantry.test/absent:1' } },
      'not found; pull it first',
    ],
    ['an absolute sub-path', { imageSubPath: '/etc' }, 'must be relative'],
    ['a sub-path that climbs', { imageSubPath: 'etc/../../..' }, 'must be relative'],
  ])('%s', async (_what, mount, message) => {
    const error = await failure(createContainer(world, pod, { mounts: [volume(mount)] }));
    expect(error.code).toBe(UNKNOWN);
    expect(error.details).toMatch(/^ImageVolumeMountFailed: /);
    expect(error.details).toContain(message);
  });
});

describe('an image that a volume shows', () => {
  test('can be removed like one that a container runs from: its layers stay until the container is gone', async () => {
    const id = await withVolume();
    const before = layers();
    await world.cri.call('RemoveImage', { image: { image: ref } });
    expect(await isListed(ref)).toBe(false);
    expect(layers()).toEqual(before);
    expect(await say(id, 'cat /volume/stack/kept')).toBe('below');
    // The next server knows it, too.
    await world.gantry.daemon.kill();
    await world.gantry.daemon.start();
    expect(layers()).toEqual(before);
    expect(await say(id, 'cat /volume/stack/kept; touch /volume/x 2>&1')).toMatch(/^below\n.*Read-only/);
    expect((await containerStatus(world, id)).mounts[0]?.image?.imageRef).toBe(ref);
    await remove(id);
    await world.cri.call('RemoveImage', { image: { image: ref } });
    // The next removal of any image collects what nobody uses.
    await pull(world, 'gantry.test/platforms:1');
    await world.cri.call('RemoveImage', { image: { image: 'gantry.test/platforms:1' } });
    await eventually(layers, (left) => left.length < before.length);
  });

  test('is mounted once a host, and not at all when its last container is gone', async () => {
    const mounted = (): string[] => {
      const directory = join(world.gantry.state, 'layers');
      return existsSync(directory) ? readdirSync(directory) : [];
    };
    const ids = [await withVolume(), await withVolume({ imageSubPath: 'stack' })];
    const during = mounted();
    expect(during.length).toBe(4);
    expect(new Set(during.map((key) => statSync(join(world.gantry.state, 'layers', key)).dev)).size).toBe(4);
    for (const id of ids) await remove(id);
    await eventually(mounted, (left) => left.length === 0);
  });

  test('survives the server’s death and its container’s stop; a new container has it again', async () => {
    const first = await withVolume();
    await world.gantry.daemon.kill();
    await world.gantry.daemon.start();
    const second = await withVolume();
    expect(await say(first, 'cat /volume/stack/kept')).toBe('below');
    expect(await say(second, 'cat /volume/stack/kept')).toBe('below');
    await world.cri.call('StopContainer', { containerId: first, timeout: 0n });
    expect((await containerStatus(world, first)).mounts[0]?.image?.image).toBe(ref);
    for (const id of [first, second]) await remove(id);
  });
});
