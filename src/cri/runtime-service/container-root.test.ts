/** What a container finds in its root: unusual stacks of layers, volumes that the image declares, mounts over /etc. */
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ContainerConfigInit, PodSandboxConfigInit } from '../../cri-types/index.ts';
import { containerStats } from './container-stats.ts';
import { execSync } from './exec-sync.ts';
import { removeContainer } from './remove-container.ts';
import { startContainer } from './start-container.ts';
import { busyboxTree } from './test-images.ts';
import { eventually, World } from './test-world.ts';

let world: World;
beforeAll(async () => {
  world = await World.open();
});
afterAll(async () => {
  await world.close();
});

const file = (path: string, text = ''): void => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
};
const again = (root: string): void => file(join(root, 'again'), 'again');
const other = (root: string): void => file(join(root, 'other'), 'other');
const image = (tag: string, more: ContainerConfigInit = {}): ContainerConfigInit => ({
  image: { image: `localhost/${tag}:test` },
  ...more,
});

/** What a script in a new container of the pod says. */
async function said(pod: string, script: string, init: ContainerConfigInit): Promise<string[]> {
  const id = await world.start(pod, ['sh', '-c', script], init);
  await eventually(() => world.services.pods.requireContainer(id).state.kind === 'exited');
  return world
    .log(id)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split(' ').slice(3).join(' '));
}

describe('an image', () => {
  it.each([
    ['twice-at-once', [busyboxTree, again, again]],
    ['twice-apart', [busyboxTree, again, other, again]],
  ])('that names a layer %s runs', async (tag, layers) => {
    await world.addImage({ tag: `localhost/${tag}:test`, layers });
    const pod = await world.runPod();
    expect(await said(pod, 'cat /again', image(tag))).toEqual(['again']);
  });

  it('without layers is made, with what the container mounts', async () => {
    await world.addImage({ tag: 'localhost/nothing:test', layers: [] });
    const pod = await world.runPod();
    const tools = join(world.directory, 'tools');
    mkdirSync(tools);
    busyboxTree(tools);
    const mounts = readdirSync(tools)
      .filter((name) => /^(bin|lib.*|usr)$/.test(name))
      .map((name) => ({ hostPath: join(tools, name), containerPath: `/${name}`, readonly: true }));
    const lines = await said(pod, 'ls /; echo made > /x; cat /x', image('nothing', { mounts }));
    expect(lines).toContain('proc');
    expect(lines.at(-1)).toBe('made');
    const id = await world.create(pod, ['/none'], image('nothing'));
    const start = world.call(startContainer, 'StartContainerRequest', { containerId: id });
    await expect(start).rejects.toMatchObject({ code: 'invalid-argument' });
  });
});

describe('volumes that an image declares', () => {
  const tag = 'volumes';
  const config = { Volumes: { '/data': {}, '/new/place': {}, '/etc/x': {}, '/shut': {} } };
  const userns: PodSandboxConfigInit = {
    linux: {
      securityContext: {
        namespaceOptions: {
          network: 'POD',
          pid: 'CONTAINER',
          ipc: 'POD',
          usernsOptions: {
            mode: 'POD',
            uids: [{ hostId: 400_000, containerId: 0, length: 65_536 }],
            gids: [{ hostId: 400_000, containerId: 0, length: 65_536 }],
          },
        },
      },
    },
  };
  beforeAll(async () => {
    await world.addImage({
      tag: `localhost/${tag}:test`,
      layers: [
        busyboxTree,
        (root) => {
          file(join(root, 'data/deep/file'), 'of the image');
          file(join(root, 'data/own'), '');
          chownSync(join(root, 'data/own'), 1000, 1001);
          chmodSync(join(root, 'data/own'), 0o640);
          mkdirSync(join(root, 'shut'));
          chmodSync(join(root, 'shut'), 0o1730);
          chownSync(join(root, 'shut'), 1000, 1001);
        },
      ],
      config,
    });
  });

  const script = `cat /data/deep/file; echo; stat -c '%a %u %g' /data /data/own /shut /new/place /etc/x
    echo more > /data/deep/file && cat /data/deep/file; echo x > /new/place/x && cat /new/place/x; echo x > /elsewhere`;
  const shown = [
    'of the image',
    ...['755 0 0', '640 1000 1001', '1730 1000 1001', '755 0 0', '755 0 0'],
    ...['more', 'x'],
  ];

  it.each<[string, PodSandboxConfigInit]>([
    ['with the host’s users', {}],
    ['in a user namespace', userns],
  ])('are the container’s own, filled from it, writable on a read-only root: %s', async (_what, pod) => {
    const linux = {
      ...pod.linux,
      securityContext: { ...pod.linux?.securityContext, readonlyRootfs: true },
    };
    const id = await world.runPod(
      pod.linux === undefined ? {} : { linux: { ...pod.linux, cgroupParent: world.cgroupParent } },
    );
    const init = image(
      tag,
      pod.linux === undefined
        ? {
            linux: {
              securityContext: {
                readonlyRootfs: true,
                namespaceOptions: { network: 'NODE', pid: 'CONTAINER', ipc: 'POD' },
              },
            },
          }
        : { linux },
    );
    const lines = await said(id, script, init);
    // Of two streams, whose lines come in no order.
    const isRefusal = (line: string): boolean => /elsewhere: Read-only file system/.test(line);
    expect(lines.filter((line) => !isRefusal(line))).toEqual(shown);
    expect(lines.filter(isRefusal)).toHaveLength(1);
  });

  it('outlive the server, count as written, and go with the container', async () => {
    const pod = await world.runPod();
    const containerId = await world.start(pod, ['sleep', '1000'], image(tag));
    const exec = async (text: string): Promise<string> => {
      const answer = await world.call(execSync, 'ExecSyncRequest', {
        containerId,
        cmd: ['sh', '-c', text],
        timeout: 20,
      });
      return Buffer.from(answer.stdout).toString();
    };
    await exec('head -c 3000000 /dev/urandom > /data/big');
    await world.restart();
    expect(await exec('ls /data')).toBe('big\ndeep\nown\n');
    await world.call(containerStats, 'ContainerStatsRequest', { containerId });
    const { stats } = await world.call(containerStats, 'ContainerStatsRequest', { containerId });
    expect(Number(stats?.writableLayer?.usedBytes?.value)).toBeGreaterThan(3_000_000);
    const { volumesPath = '' } = world.services.pods.requireContainer(containerId);
    expect(statSync(join(volumesPath, '0', 'big')).size).toBe(3_000_000);
    await world.call(removeContainer, 'RemoveContainerRequest', { containerId });
    expect(existsSync(dirname(volumesPath))).toBe(false);
  });

  it('are not there where the container mounts something itself', async () => {
    const pod = await world.runPod();
    const hostPath = join(world.directory, 'own-data');
    mkdirSync(hostPath);
    const mounts = [{ hostPath, containerPath: '/data' }];
    expect(await said(pod, 'ls /data; echo end', image(tag, { mounts }))).toEqual(['end']);
    expect(readdirSync(hostPath)).toEqual([]);
  });
});

it('a volume over /etc leaves the pod’s hosts, hostname and resolv.conf visible', async () => {
  const pod = await world.runPod();
  const hostPath = join(world.directory, 'etc');
  mkdirSync(hostPath);
  for (const name of ['hosts', 'hostname', 'resolv.conf', 'mine'])
    writeFileSync(join(hostPath, name), 'of the volume\n');
  const mounts = [{ hostPath, containerPath: '/etc' }];
  const lines = await said(pod, 'cat /etc/mine /etc/hosts /etc/hostname /etc/resolv.conf', { mounts });
  expect(lines.filter((line) => line === 'of the volume')).toHaveLength(1);
  expect(lines.length).toBeGreaterThan(2);
});
