import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createContainer,
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
} from '../harness/index.ts';
import { limitsOf, scopeOf, show, systemctl, units } from './units.ts';

const files = [
  'memory.max',
  'memory.swap.max',
  'memory.high',
  'memory.oom.group',
  'cpu.max',
  'cpu.weight',
  'pids.max',
  'cpuset.cpus',
];

// daemon-reload makes systemd write every unit's limits again: those of the unit, whatever the files held.
describe('limits of a container whose cgroup is systemd’s', () => {
  let world: World;
  let pod: Pod;
  let container: string;

  beforeAll(async () => {
    world = await World.create({ subnet: 98 });
    await pull(world, shellImage);
    pod = await runPod(world);
  });
  afterAll(async () => await world.dispose());

  test('are in the kernel and in the unit', async () => {
    container = await startContainer(world, pod, {
      linux: {
        resources: {
          memoryLimitInBytes: 104857600n,
          cpuQuota: 50000n,
          cpuPeriod: 100000n,
          cpuShares: 512n,
          cpusetCpus: '0',
          unified: { 'pids.max': '77', 'memory.high': '94371840', 'memory.oom.group': '1' },
        },
      },
    });
    expect(limitsOf(scopeOf(container), files)).toEqual({
      'memory.max': '104857600',
      'memory.swap.max': '0',
      'memory.high': '94371840',
      'memory.oom.group': '1',
      'cpu.max': '50000 100000',
      'cpu.weight': '59',
      'pids.max': '77',
      'cpuset.cpus': '0',
    });
    const names = [
      'MemoryMax',
      'MemorySwapMax',
      'MemoryHigh',
      'CPUQuotaPerSecUSec',
      'CPUWeight',
      'TasksMax',
      'AllowedCPUs',
      'DevicePolicy',
      'Delegate',
      'Slice',
    ];
    expect(show(scopeOf(container), ...names)).toEqual({
      MemoryMax: '104857600',
      MemorySwapMax: '0',
      MemoryHigh: '94371840',
      CPUQuotaPerSecUSec: '500ms',
      CPUWeight: '59',
      TasksMax: '77',
      AllowedCPUs: '0',
      DevicePolicy: 'strict',
      Delegate: 'yes',
      Slice: world.cgroupParent,
    });
  });

  test('stay through daemon-reload, device rules too', async () => {
    const before = limitsOf(scopeOf(container), files);
    systemctl('daemon-reload');
    // systemd before 253 has no property for memory.oom.group, and takes it back: the server puts it there again.
    await eventually(
      () => limitsOf(scopeOf(container), files),
      (now) => now['memory.oom.group'] === '1',
    );
    expect(limitsOf(scopeOf(container), files)).toEqual(before);
    await expectDevices(container);
  });

  test('are updated in both, and stay', async () => {
    await world.cri.call('UpdateContainerResources', {
      containerId: container,
      linux: { memoryLimitInBytes: 209715200n, cpuQuota: 35700n, cpuPeriod: 100000n, cpuShares: 1024n },
    });
    // systemd keeps whole percents.
    const now = {
      'memory.max': '209715200',
      'cpu.max': '36000 100000',
      'cpu.weight': '100',
      'pids.max': '77',
      'memory.oom.group': '1',
    };
    expect(limitsOf(scopeOf(container), Object.keys(now))).toEqual(now);
    systemctl('daemon-reload');
    await eventually(
      () => limitsOf(scopeOf(container), files),
      (again) => again['memory.oom.group'] === '1',
    );
    expect(limitsOf(scopeOf(container), Object.keys(now))).toEqual(now);
  });

  test('are none where none are asked for, also of processes', async () => {
    const free = await startContainer(world, pod);
    const none = { 'memory.max': 'max', 'cpu.max': 'max 100000', 'pids.max': 'max' };
    expect(limitsOf(scopeOf(free), Object.keys(none))).toEqual(none);
    systemctl('daemon-reload');
    expect(limitsOf(scopeOf(free), Object.keys(none))).toEqual(none);
    await expectDevices(free);
  });

  test('do not keep a privileged container from any device', async () => {
    const privileged = await runPod(world, { linux: { securityContext: { privileged: true } } });
    const id = await startContainer(world, privileged, { linux: { securityContext: { privileged: true } } });
    expect(show(scopeOf(id), 'DevicePolicy')).toEqual({ DevicePolicy: 'auto' });
    systemctl('daemon-reload');
    expect((await exec(world, id, 'head -c 1 /dev/kmsg >/dev/null && echo read')).text).toBe('read');
    await removePod(world, privileged);
  });

  test.each([
    ['memoryLimitInBytes', { memoryLimitInBytes: 4096n }, /memory/],
    ['cpusetCpus', { cpusetCpus: '0-99' }, /cpuset/],
  ])('that cannot be are refused by name, and leave no unit: %s', async (_name, resources, message) => {
    const refused = await failure(createContainer(world, pod, { linux: { resources } }));
    // INVALID_ARGUMENT
    expect(refused).toMatchObject({ code: 3, details: expect.stringMatching(message) });
    expect(units('gantry-*.scope', '--failed')).toEqual([]);
  });

  // The scope goes with its last process, and its count of kills with it.
  test.each([
    ['the first process', 'exec tail /dev/zero', 137],
    ['a child', 'tail /dev/zero; exit 3', 3],
  ])('that are too small end it as OOMKilled: %s', async (_name, text, exitCode) => {
    for (let round = 0; round < 5; round += 1) {
      const linux = { resources: { memoryLimitInBytes: 20n << 20n } };
      const id = await startContainer(world, pod, { ...script(text), linux });
      expect(await waitForExit(world, id)).toMatchObject({ exitCode, reason: 'OOMKilled' });
    }
  });

  test('are units’ too where there is no bus: systemd has a socket of its own', async () => {
    const wrapper = ['env', 'DBUS_SYSTEM_BUS_ADDRESS=unix:path=/nonexistent'];
    const other = await World.create({ subnet: 100, server: { wrapper } });
    try {
      await pull(other, shellImage);
      const linux = { resources: { memoryLimitInBytes: 104857600n } };
      const id = await startContainer(other, await runPod(other), { linux });
      expect(show(scopeOf(id), 'MemoryMax')).toEqual({ MemoryMax: '104857600' });
    } finally {
      await other.dispose();
    }
  });

  test('end with the last process, whether the container is removed or not', async () => {
    const ids: string[] = [];
    for (let round = 0; round < 8; round += 1) ids.push(await startContainer(world, pod, script('exit 0')));
    for (const id of ids) await waitForExit(world, id);
    await eventually(
      () => ids.map(scopeOf).filter((scope) => units(scope).length > 0),
      (left) => left.length === 0,
    );
  });

  test('go with the scope: no unit is left, none has failed', async () => {
    await createContainer(world, pod);
    await removePod(world, pod);
    // systemd hears of an empty cgroup a moment after the kernel knows it.
    await eventually(
      () => units('gantry-*.scope'),
      (left) => left.length === 0,
    );
    expect(units('gantry-*.scope', '--failed')).toEqual([]);
  });

  /** What every container may use, and what it may not. */
  async function expectDevices(id: string): Promise<void> {
    const said = await exec(
      world,
      id,
      'head -c 1 /dev/zero | wc -c; mknod /tmp/kmsg c 1 11 && ! head -c 1 /tmp/kmsg 2>/dev/null && echo refused',
    );
    expect(said.text).toBe('1\nrefused');
  }
});
