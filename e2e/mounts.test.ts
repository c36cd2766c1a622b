import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { MountPropagation } from '../src/cri-types/index.ts';
import {
  detachVolume,
  exec,
  failure,
  hostNetwork,
  inMountNamespace,
  makeVolume,
  type Pod,
  pull,
  removePod,
  rootPropagation,
  runPod,
  shellImage,
  startContainer,
  World,
} from './harness/index.ts';

const privileged = { securityContext: { ...hostNetwork.securityContext, privileged: true } };

// The kubelet mounts and unmounts volumes while pods run; both on hosts whose `/` is shared (systemd) and private.
describe.each(['shared', 'private'] as const)('mounts where / is %s', (kind) => {
  let world: World;
  let pod: Pod;
  let volumes: string;
  const onHost = (program: string, ...args: string[]): string =>
    inMountNamespace(world.gantry.daemon.pid, program, ...args);

  beforeAll(async () => {
    const wrapper = rootPropagation[kind];
    world = await World.create({ subnet: 105, server: { wrapper } });
    await pull(world, shellImage);
    volumes = join(world.directory, 'volumes');
    mkdirSync(volumes);
    onHost('mount', '--bind', volumes, volumes);
    onHost('mount', `--make-${kind}`, volumes);
  });
  afterAll(async () => {
    await world.dispose();
  });
  beforeEach(async () => {
    pod = await runPod(world, { linux: privileged });
  });
  afterEach(async () => {
    await removePod(world, pod);
    expect(onHost('cat', '/proc/self/mountinfo')).not.toMatch(/s\/root\/pods|rootfs/);
  });

  const directory = (name: string): string => {
    const path = join(volumes, name);
    mkdirSync(path, { recursive: true });
    return path;
  };
  const mounting = async (
    hostPath: string,
    propagation: MountPropagation,
    readonly = false,
  ): Promise<string> =>
    await startContainer(world, pod, {
      mounts: [{ hostPath, containerPath: '/mnt', propagation, readonly }],
    });

  test('a sub-path that is bound after the sandbox started is in a container created later', async () => {
    const [source, target] = [directory('real'), directory('late')];
    writeFileSync(join(source, 'seen'), 'late\n');
    onHost('mount', '--bind', source, target);
    const id = await mounting(target, 'PROPAGATION_PRIVATE');
    expect((await exec(world, id, 'cat /mnt/seen')).text).toBe('late');
    onHost('umount', target);
    expect((await exec(world, id, 'cat /mnt/seen')).text).toBe('late');
  });

  test('private: what is mounted on the host later does not show', async () => {
    const source = directory('private');
    const id = await mounting(source, 'PROPAGATION_PRIVATE');
    mkdirSync(join(source, 'sub'));
    onHost('mount', '-t', 'tmpfs', 'e2e', join(source, 'sub'));
    onHost('touch', join(source, 'sub', 'file'));
    expect((await exec(world, id, 'ls /mnt/sub')).text).toBe('');
    onHost('umount', join(source, 'sub'));
  });

  const shared = kind === 'shared' ? test : refused;

  shared('HostToContainer: what is mounted on the host later shows, not the other way', async () => {
    const source = directory('slave');
    const id = await mounting(source, 'PROPAGATION_HOST_TO_CONTAINER');
    mkdirSync(join(source, 'sub'));
    onHost('mount', '-t', 'tmpfs', 'e2e', join(source, 'sub'));
    onHost('touch', join(source, 'sub', 'file'));
    expect((await exec(world, id, 'ls /mnt/sub')).text).toBe('file');
    onHost('umount', join(source, 'sub'));
    expect((await exec(world, id, 'ls /mnt/sub')).text).toBe('');
  });

  shared('Bidirectional: a privileged container mounts for the host', async () => {
    const source = directory('shared');
    mkdirSync(join(source, 'sub'));
    const id = await startContainer(world, pod, {
      mounts: [{ hostPath: source, containerPath: '/mnt', propagation: 'PROPAGATION_BIDIRECTIONAL' }],
      linux: { securityContext: { privileged: true } },
    });
    const done = await exec(world, id, 'mount -t tmpfs e2e /mnt/sub && touch /mnt/sub/file');
    expect(done.exitCode).toBe(0);
    expect(onHost('ls', join(source, 'sub')).trim()).toBe('file');
    onHost('umount', join(source, 'sub'));
    expect((await exec(world, id, 'ls /mnt/sub')).text).toBe('');
  });

  test('recursive read-only reaches mounts below, plain read-only does not', async () => {
    const source = directory('nested');
    mkdirSync(join(source, 'sub'));
    onHost('mount', '-t', 'tmpfs', 'e2e', join(source, 'sub'));
    const mount = { hostPath: source, containerPath: '/mnt', readonly: true };
    const plain = await startContainer(world, pod, { mounts: [mount] });
    expect((await exec(world, plain, 'touch /mnt/file')).exitCode).not.toBe(0);
    expect((await exec(world, plain, 'touch /mnt/sub/file')).exitCode).toBe(0);
    const deep = await startContainer(world, pod, { mounts: [{ ...mount, recursiveReadOnly: true }] });
    expect((await exec(world, deep, 'touch /mnt/sub/file')).exitCode).not.toBe(0);
    for (const containerId of [plain, deep]) await world.cri.call('RemoveContainer', { containerId });
    onHost('umount', join(source, 'sub'));
  });

  test('a volume detaches as soon as it is unmounted and its container is gone, while the pod runs on', async () => {
    const volume = makeVolume(join(world.directory, 'volume.img'), 8);
    const at = directory('block');
    onHost('mount', volume.device, at);
    const other = await startContainer(world, pod);
    const user = await mounting(at, 'PROPAGATION_PRIVATE');
    expect((await exec(world, user, 'echo kept > /mnt/file')).exitCode).toBe(0);
    await world.cri.call('StopContainer', { containerId: user, timeout: 1n });
    await world.cri.call('RemoveContainer', { containerId: user });
    onHost('umount', at);
    detachVolume(volume);
    expect((await exec(world, other, 'echo alive')).text).toBe('alive');
  });

  /** Where the host's mount is private there is nothing to propagate, and the request is refused, saying so. */
  function refused(name: string): void {
    test(`${name}: refused here`, async () => {
      const source = directory('refused');
      const propagation: MountPropagation = name.startsWith('Bi')
        ? 'PROPAGATION_BIDIRECTIONAL'
        : 'PROPAGATION_HOST_TO_CONTAINER';
      const error = await failure(
        startContainer(world, pod, {
          mounts: [{ hostPath: source, containerPath: '/mnt', propagation }],
          linux: { securityContext: { privileged: true } },
        }),
      );
      expect(error.details).toContain(source);
      expect(error.details).toMatch(/shared|private|slave/);
    });
  }
});
