import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { status as code } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ContainerConfigInit, PodSandboxConfigInit } from '../src/cri-types/index.ts';
import {
  createContainer,
  failure,
  hostNetwork,
  type Pod,
  podConfig,
  pull,
  removePod,
  runPod,
  shellImage,
  startContainer,
  World,
  waitForExit,
} from './harness/index.ts';

// Requests that cannot be met: the error names what is wrong, nothing stays, and the name is free for the next attempt.
describe('requests that cannot be met', () => {
  let world: World;
  let pod: Pod;

  beforeAll(async () => {
    world = await World.create({ subnet: 104 });
    await pull(world, shellImage);
  });
  afterAll(async () => {
    await world.dispose();
  });

  describe('pods', () => {
    afterEach(async () => {
      expect((await world.cri.call('ListPodSandbox', {})).items).toEqual([]);
      expect(await world.leftovers()).toEqual([]);
    });

    const cases: readonly { what: string; handler?: string; config: PodSandboxConfigInit; says: RegExp }[] = [
      { what: 'an unknown runtime handler', handler: 'no-such-handler', config: {}, says: /no-such-handler/ },
      { what: 'no metadata', config: { metadata: undefined }, says: /metadata/i },
      {
        what: 'a sysctl that the kernel does not know',
        config: { linux: { sysctls: { 'net.ipv4.no_such_sysctl': '1' } } },
        says: /no_such_sysctl/,
      },
    ];

    test.each(cases)('$what', async ({ handler, config, says }) => {
      const request = { config: podConfig(world, config), runtimeHandler: handler ?? '' };
      const error = await failure(world.cri.call('RunPodSandbox', request));
      expect(error.details).toMatch(says);
      expect([code.INTERNAL, code.UNKNOWN]).not.toContain(error.code);
      if (config.metadata !== undefined || 'metadata' in config) return;
      // The name is free at once.
      const good = { ...request.config, linux: { cgroupParent: world.cgroupParent, ...hostNetwork } };
      const again = await world.cri.call('RunPodSandbox', { config: { ...good, logDirectory: world.logs } });
      await removePod(world, { id: again.podSandboxId, config: good });
    });
  });

  describe('containers', () => {
    beforeAll(async () => {
      pod = await runPod(world, { linux: hostNetwork });
    });
    afterAll(async () => {
      await removePod(world, pod);
      expect(await world.leftovers()).toEqual([]);
    });

    afterEach(removeContainers);

    async function removeContainers(): Promise<void> {
      const { containers } = await world.cri.call('ListContainers', {});
      for (const { id } of containers) await world.cri.call('RemoveContainer', { containerId: id });
    }

    const image = { image: shellImage };
    const cases: readonly { what: string; config: ContainerConfigInit; says: RegExp; code?: number }[] = [
      {
        what: 'an image that was not pulled',
        config: { image: { image: 'gantry.test/not-pulled:1' } },
        says: /gantry\.test\/not-pulled:1/,
        code: code.NOT_FOUND,
      },
      {
        what: 'a mount source that cannot be',
        config: { mounts: [{ hostPath: '/etc/passwd/below', containerPath: '/mnt' }] },
        says: /\/etc\/passwd\/below/,
      },
      {
        what: 'a command that the image lacks',
        config: { command: ['/no/such/program'] },
        says: /\/no\/such\/program/,
      },
      { what: 'a command that may not be run', config: { command: ['/etc/passwd'] }, says: /\/etc\/passwd/ },
      {
        what: 'a user that the image lacks',
        config: { linux: { securityContext: { runAsUsername: 'nobody-knows' } } },
        says: /nobody-knows/,
      },
      {
        what: 'a group without a user',
        config: { linux: { securityContext: { runAsGroup: { value: 7n } } } },
        says: /group/i,
      },
      {
        what: 'a capability that does not exist',
        config: { linux: { securityContext: { capabilities: { addCapabilities: ['FLY'] } } } },
        says: /FLY/,
      },
      {
        what: 'a device that is not there',
        config: { devices: [{ hostPath: '/dev/no-such', containerPath: '/dev/x', permissions: 'rwm' }] },
        says: /\/dev\/no-such/,
      },
      {
        what: 'a log path that leads out of the log directory',
        config: { logPath: '../../outside.log' },
        says: /outside\.log/,
      },
      {
        what: 'a mount without a target',
        config: { mounts: [{ hostPath: '/tmp', containerPath: '' }] },
        says: /path/i,
      },
    ];

    test.each(cases)('$what', async ({ config, says, code: wanted }) => {
      const name = { metadata: { name: 'retried', attempt: 0 }, image };
      // Some things only show when the process starts; they must be told there just as clearly.
      const error = await failure(startContainer(world, pod, { ...name, ...config }));
      expect(error.details).toMatch(says);
      if (wanted !== undefined) expect(error.code).toBe(wanted);
      else expect([code.INTERNAL, code.UNKNOWN]).not.toContain(error.code);
      await removeContainers();
      const again = await startContainer(world, pod, { ...name, command: ['true'] });
      expect((await waitForExit(world, again)).exitCode).toBe(0);
    });

    test('a mount target that is a link out of the root stays inside', async () => {
      const source = join(world.directory, 'source');
      mkdirSync(source);
      writeFileSync(join(source, 'seen'), '');
      symlinkSync('/etc', join(source, 'link'));
      const id = await startContainer(world, pod, {
        command: ['ls', '/etc/inside/seen'],
        mounts: [
          { hostPath: source, containerPath: '/data' },
          { hostPath: source, containerPath: '/data/link/inside' },
        ],
      });
      expect((await waitForExit(world, id)).exitCode).toBe(0);
    });
  });

  describe('what is not there, or not so', () => {
    const unknown = 'f'.repeat(64);

    test('asking for it is NotFound, ending or removing it is done already', async () => {
      const { cri } = world;
      const asked = [
        cri.call('PodSandboxStatus', { podSandboxId: unknown }),
        cri.call('ContainerStatus', { containerId: unknown }),
        cri.call('StartContainer', { containerId: unknown }),
        cri.call('ExecSync', { containerId: unknown, cmd: ['true'] }),
        cri.call('ContainerStats', { containerId: unknown }),
        cri.call('ReopenContainerLog', { containerId: unknown }),
        cri.call('UpdateContainerResources', { containerId: unknown, linux: {} }),
      ];
      for (const call of asked) {
        const error = await failure(call);
        expect(error.code).toBe(code.NOT_FOUND);
        expect(error.details).toContain(unknown);
      }
      await cri.call('StopPodSandbox', { podSandboxId: unknown });
      await cri.call('RemovePodSandbox', { podSandboxId: unknown });
      await cri.call('StopContainer', { containerId: unknown });
      await cri.call('RemoveContainer', { containerId: unknown });
      await cri.call('RemoveImage', { image: { image: 'gantry.test/not-there:1' } });
      const { image } = await cri.call('ImageStatus', { image: { image: 'gantry.test/not-there:1' } });
      expect(image).toBeUndefined();
    });

    test('what an exited container cannot do is refused', async () => {
      const pod = await runPod(world, { linux: hostNetwork });
      const id = await startContainer(world, pod, { command: ['true'] });
      await waitForExit(world, id);
      for (const call of [
        world.cri.call('StartContainer', { containerId: id }),
        world.cri.call('ExecSync', { containerId: id, cmd: ['true'] }),
      ]) {
        expect((await failure(call)).details).toContain(id);
      }
      await world.cri.call('StopPodSandbox', { podSandboxId: pod.id });
      expect((await failure(createContainer(world, pod))).details).toContain(pod.id);
      await removePod(world, pod);
    });

    test('the same name again gives the same pod and the same container', async () => {
      const pod = await runPod(world, { linux: hostNetwork });
      const request = { config: pod.config };
      const [first, second] = await Promise.all([
        world.cri.call('RunPodSandbox', request),
        world.cri.call('RunPodSandbox', request),
      ]);
      expect([first.podSandboxId, second.podSandboxId]).toEqual([pod.id, pod.id]);
      const twin = { metadata: { name: 'twin', attempt: 0 } };
      const ids = await Promise.all([1, 2, 3].map(async () => await createContainer(world, pod, twin)));
      expect(new Set(ids).size).toBe(1);
      await removePod(world, pod);
      expect(await world.leftovers()).toEqual([]);
    });
  });
});
