/** Limits that nobody can set: whatever layer finds out, the caller reads which member is wrong. */
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ContainerConfigInit, LinuxContainerResourcesInit } from '../../cri-types/index.ts';
import { createContainer } from './create-container.ts';
import { execSync } from './exec-sync.ts';
import { World } from './test-world.ts';
import { updateContainerResources } from './update-container-resources.ts';

let world: World;
let pod: string;
let before: string[];
beforeAll(async () => {
  world = await World.open();
  pod = await world.runPod();
  before = world.leftovers();
});
afterAll(async () => {
  await world.close();
});

const security = { namespaceOptions: { network: 'NODE', pid: 'CONTAINER', ipc: 'POD' } } as const;
const limited = (resources: LinuxContainerResourcesInit): ContainerConfigInit => ({
  linux: { securityContext: security, resources },
});

const impossible: readonly [string, LinuxContainerResourcesInit, RegExp?][] = [
  ['cpuset_cpus', { cpusetCpus: '0-99' }, /its parent cgroup has \d/],
  ['cpuset_cpus', { cpusetCpus: '0-99999' }],
  ['cpuset_cpus', { cpusetCpus: 'both' }],
  ['cpuset_cpus', { cpusetCpus: '1-0' }],
  ['cpuset_mems', { cpusetMems: '7' }],
  ['cpuset_mems', { cpusetMems: 'x' }],
  ['cpu_period', { cpuPeriod: 10, cpuQuota: 5000 }, /between 1000 and 1000000/],
  ['cpu_period', { cpuPeriod: 2_000_000 }],
  ['cpu_period', { cpuPeriod: -1 }],
  ['cpu_quota', { cpuPeriod: 100_000, cpuQuota: 10 }],
  ['cpu_quota', { cpuPeriod: 100_000, cpuQuota: Number.MAX_SAFE_INTEGER }],
  ['cpu_shares', { cpuShares: -1 }],
  ['memory_limit_in_bytes', { memoryLimitInBytes: 4096 }, /too small for any process/],
  ['memory_limit_in_bytes', { memoryLimitInBytes: 1 }],
  ['memory_swap_limit_in_bytes', { memoryLimitInBytes: 64 << 20, memorySwapLimitInBytes: 32 << 20 }],
  ['hugepage_limits', { hugepageLimits: [{ pageSize: '7MB', limit: 7 << 20 }] }],
  ['hugepage_limits', { hugepageLimits: [{ pageSize: '../2MB', limit: 1 }] }],
  ['unified.no.such', { unified: { 'no.such': '1' } }],
  ['unified.memory.high', { unified: { 'memory.high': 'much' } }],
  ['unified.../x', { unified: { '../x': '1' } }],
  ['oom_score_adj', { oomScoreAdj: 1001 }],
  ['oom_score_adj', { oomScoreAdj: -1001 }],
];

describe('an impossible limit', () => {
  it.each(impossible)(
    '%s %j is refused by name when a container is made, and leaves nothing',
    async (...args) => {
      const [member, resources, why = /./] = args;
      const made = world.create(pod, ['sleep', '60'], limited(resources));
      const error = await made.then(
        () => undefined,
        (reason: Error & { code: string; subject: string }) => reason,
      );
      expect(error).toMatchObject({ code: 'invalid-argument', subject: member });
      expect(error?.message).toContain(member);
      expect(error?.message).toMatch(why);
      expect(world.leftovers()).toEqual(before);
    },
  );

  it('is refused by name in an update, and what was in force stays', async () => {
    const containerId = await world.start(pod, ['sleep', '60'], limited({ memoryLimitInBytes: 64 << 20 }));
    const changes = impossible.filter(([member]) => !/^(oom_score_adj|memory_limit_in_bytes)$/.test(member));
    for (const [member, linux] of changes) {
      const update = world.call(updateContainerResources, 'UpdateContainerResourcesRequest', {
        containerId,
        linux,
      });
      await expect(update).rejects.toMatchObject({ code: 'invalid-argument', subject: member });
    }
    const { config } = world.services.pods.requireContainer(containerId);
    expect(config.linux?.resources).toMatchObject({ memoryLimitInBytes: BigInt(64 << 20), cpusetCpus: '' });
  });
});

describe('what else a container asks for and cannot have', () => {
  const cases: readonly [string, ContainerConfigInit, RegExp][] = [
    ['a device', { devices: [{ hostPath: '/dev/none', permissions: 'rw' }] }, /\/dev\/none does not exist/],
    ['its permissions', { devices: [{ hostPath: '/dev/null', permissions: 'x' }] }, /'x'/],
    [
      'its place',
      { devices: [{ hostPath: '/dev/null', containerPath: '/proc/x', permissions: 'rw' }] },
      /\/proc\/x/,
    ],
  ];
  it.each(cases)('%s', async (_what, init, message) => {
    const made = world.create(pod, ['sleep', '60'], init);
    await expect(made).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringMatching(message),
    });
  });

  const sysctls: readonly [string, Record<string, string>][] = [
    ['a value', { 'kernel.shm_rmid_forced': 'x' }],
    ['a range', { 'kernel.shm_rmid_forced': '7' }],
    ['a name', { 'fs.mqueue.none': '1' }],
    ['the node’s', { 'vm.swappiness': '1' }],
    ['a number that nothing holds', { 'kernel.msgmax': '99999999999999999999999' }],
  ];
  it.each(sysctls)('a sysctl: %s', async (_what, wanted) => {
    const namespaces = { namespaceOptions: { network: 'NODE', pid: 'CONTAINER', ipc: 'POD' } } as const;
    const made = world.runPod({
      linux: { cgroupParent: world.cgroupParent, sysctls: wanted, securityContext: namespaces },
    });
    await expect(made).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringContaining(Object.keys(wanted)[0] ?? ''),
    });
  });
});

describe('a container at its memory limit', () => {
  it('says so to an exec that cannot even begin', async () => {
    const script = 'head -c 4000000 /dev/zero > /tmp/held; sleep 60';
    expect(existsSync('/dev/zero')).toBe(true);
    const containerId = await world.start(
      pod,
      ['sh', '-c', script],
      limited({ memoryLimitInBytes: 3 << 20 }),
    );
    const run = world.call(execSync, 'ExecSyncRequest', { containerId, cmd: ['true'], timeout: 10 });
    // Which of the two it is, is the kernel's choice of a victim; internal it is never.
    const code = await run.then(
      () => 'ran',
      (error: { code: string }) => error.code,
    );
    expect(['ran', 'resource-exhausted', 'failed-precondition']).toContain(code);
  });
});

it('a good limit is set', async () => {
  const good = { cpuPeriod: 100_000, cpuQuota: 50_000, cpusetCpus: '0', memoryLimitInBytes: 64 << 20 };
  const made = world.call(createContainer, 'CreateContainerRequest', {
    podSandboxId: pod,
    config: world.containerConfig(['true'], limited(good)),
    sandboxConfig: {},
  });
  await expect(made).resolves.toMatchObject({ containerId: expect.any(String) });
});
