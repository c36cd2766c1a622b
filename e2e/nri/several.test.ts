import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  containerStatus,
  createContainer,
  eventually,
  exec,
  failure,
  hostNetwork,
  NriPlugin,
  type NriRules,
  nriPlace,
  type Pod,
  pull,
  removeNriPlace,
  removePod,
  runPod,
  shellImage,
  startContainer,
  World,
} from '../harness/index.ts';

const place = nriPlace();
let world: World;
let pod: Pod;
let plugins: NriPlugin[] = [];

beforeAll(async () => {
  world = await World.create({ subnet: 152, server: { flags: place.flags } });
  await pull(world, shellImage);
  pod = await runPod(world, { linux: hostNetwork });
});
afterEach(async () => {
  await Promise.all(plugins.map((plugin) => plugin.stop()));
  plugins = [];
  await sleep(50); // the server notices
});
afterAll(async () => {
  await world.dispose();
  removeNriPlace(place);
});

async function start(index: string, name: string, rules: NriRules = {}, events = ''): Promise<NriPlugin> {
  const plugin = await NriPlugin.start(place, index, name, { rules, events });
  plugins.push(plugin);
  return plugin;
}

const adjusting = (adjust: object): NriRules => ({ CreateContainer: { adjust } });
const variable = (key: string, value = ''): object => ({ env: [{ key, value }] });
const limits = async (id: string): Promise<bigint | undefined> =>
  (await containerStatus(world, id)).resources?.linux?.memoryLimitInBytes;
const memory = (containerId: string, megabytes: number, more = {}): object => ({
  containerId,
  linux: { resources: { memory: { limit: { value: String(megabytes << 20) } } } },
  ...more,
});

describe('several plug-ins', () => {
  test('are asked in the order of their indices, and each sees what the ones before it made', async () => {
    const [last, first, middle] = [
      await start('90', 'last', adjusting(variable('LAST', '3'))),
      await start('05', 'first', adjusting(variable('FIRST', '1'))),
      await start('50', 'middle', adjusting(variable('MIDDLE', '2'))),
    ];
    const id = await startContainer(world, pod);
    const asked = [first, middle, last].map((plugin) =>
      plugin.events().find(({ event }) => event === 'CreateContainer'),
    );
    const times = asked.map((event) => event?.at ?? 0);
    expect(times).toEqual([...times].sort());
    const own = (env: readonly string[] = []): string[] => env.filter((v) => /^(FIRST|MIDDLE|LAST)=/.test(v));
    expect(asked.map((event) => own(event?.container?.env))).toEqual([
      [],
      ['FIRST=1'],
      ['FIRST=1', 'MIDDLE=2'],
    ]);
    expect((await exec(world, id, 'echo $FIRST$MIDDLE$LAST')).text).toBe('123');
  });

  const conflicts: [string, object, RegExp][] = [
    ['a variable', variable('SAME'), /"10-one" and "20-two" both tried to set Env SAME/],
    ['a mount', { mounts: [{ destination: '/m', type: 'tmpfs', source: 'x' }] }, /Mounts \/m/],
    ['an annotation', { annotations: { a: 'b' } }, /Annotations a/],
    ['the arguments', { args: ['true'] }, /Args/],
    [
      'a device',
      { linux: { devices: [{ path: '/dev/d', type: 'c', major: 1, minor: 3 }] } },
      /Devices \/dev\/d/,
    ],
    ['a limit', { linux: { resources: { memory: { limit: { value: 1 << 26 } } } } }, /MemLimit/],
    [
      'a cgroup file',
      { linux: { resources: { unified: { 'memory.high': '1' } } } },
      /CgroupsUnified memory\.high/,
    ],
    ['a process limit', { rlimits: [{ type: 'RLIMIT_CORE', hard: 0, soft: 0 }] }, /Rlimits RLIMIT_CORE/],
    ['the OOM score', { linux: { oomScoreAdj: { value: 5 } } }, /OomScoreAdj/],
    ['seccomp', { linux: { seccompPolicy: { defaultAction: 'SCMP_ACT_ALLOW' } } }, /SeccompPolicy/],
    ['a sysctl', { linux: { sysctl: { 'kernel.shm_rmid_forced': '1' } } }, /Sysctl kernel\.shm_rmid_forced/],
    ['a CDI device', { CDIDevices: [{ name: 'v.com/c=0' }] }, /CdiDevices v\.com\/c=0/],
    ['the cgroup', { linux: { cgroupsPath: '/x' } }, /CgroupsPath/],
  ];
  test.each(conflicts)(
    'that both set %s fail the creation, and are named',
    async (_name, adjust, message) => {
      await start('20', 'two', adjusting(adjust));
      await start('10', 'one', adjusting(adjust));
      const before = (await world.cri.call('ListContainers', {})).containers;
      expect((await failure(createContainer(world, pod))).message).toMatch(message);
      expect((await world.cri.call('ListContainers', {})).containers).toEqual(before);
    },
  );

  test('replace what another has set by taking it away first', async () => {
    await start('10', 'one', adjusting(variable('SAME', 'one')));
    await start('20', 'two', adjusting({ env: [{ key: '-SAME' }, { key: 'SAME', value: 'two' }] }));
    const id = await startContainer(world, pod);
    expect((await exec(world, id, 'echo $SAME')).text).toBe('two');
  });

  test('may both add hooks', async () => {
    const seen = join(mkdtempSync(join(tmpdir(), 'ge-hooks-')), 'seen');
    const saying = (word: string): object => ({
      hooks: { createRuntime: [{ path: '/bin/sh', args: ['sh', '-c', `echo ${word} >> ${seen}`] }] },
    });
    await start('10', 'one', adjusting(saying('one')));
    await start('20', 'two', adjusting(saying('two')));
    await startContainer(world, pod);
    expect(readFileSync(seen, 'utf8')).toBe('one\ntwo\n');
    rmSync(dirname(seen), { recursive: true });
  });
});

describe('a validator', () => {
  test('sees the merged adjustment and who owns what', async () => {
    await start('10', 'one', adjusting(variable('X', '1')));
    await start('20', 'two', adjusting({ annotations: { k: 'v' } }));
    const judge = await start('99', 'judge');
    const id = await startContainer(world, pod);
    const seen = await judge.wait('ValidateContainerAdjustment');
    expect(seen).toMatchObject({
      adjust: { env: [{ key: 'X', value: '1' }], annotations: { k: 'v' } },
      owners: {
        owners: { [id]: { compound: { 6: { owners: { X: '10-one' } }, 1: { owners: { k: '20-two' } } } } },
      },
      plugins: 3,
    });
    // The container as it was asked for.
    expect(seen.container?.env ?? []).not.toContain('X=1');
  });

  test('that rejects fails the creation, also where another agrees', async () => {
    await start('10', 'yes', {}, 'ValidateContainerAdjustment');
    await start('20', 'no', { ValidateContainerAdjustment: { error: 'forbidden here' } });
    const { message } = await failure(createContainer(world, pod));
    expect(message).toMatch(/"20-no".*forbidden here/);
  });

  test('that does not answer fails the creation, and is dropped', async () => {
    const dead = await start('20', 'dead', { ValidateContainerAdjustment: { exit: true } });
    expect((await failure(createContainer(world, pod))).message).toMatch(/"20-dead" did not answer/);
    await dead.exited;
    await createContainer(world, pod);
  });
});

describe('an update', () => {
  test('of the container itself is what plug-ins make of it', async () => {
    const id = await startContainer(world, pod);
    await start('10', 'half', {
      UpdateContainer: { update: [memory(id, 48)] },
    });
    await world.cri.call('UpdateContainerResources', {
      containerId: id,
      linux: { memoryLimitInBytes: 96n << 20n, cpuShares: 256n },
    });
    expect(await limits(id)).toBe(48n << 20n);
    expect((await containerStatus(world, id)).resources?.linux?.cpuShares).toBe(256n);
  });

  test('of others comes with a creation, an update and a stop', async () => {
    const [other, updated, stopped] = [
      await startContainer(world, pod),
      await startContainer(world, pod),
      await startContainer(world, pod),
    ];
    await start('10', 'mover', {
      CreateContainer: { update: [memory(other, 50)] },
      UpdateContainer: { update: [memory(other, 51)] },
      StopContainer: { update: [memory(other, 52)] },
    });
    await createContainer(world, pod);
    expect(await limits(other)).toBe(50n << 20n);
    await world.cri.call('UpdateContainerResources', { containerId: updated, linux: { cpuShares: 300n } });
    expect(await limits(other)).toBe(51n << 20n);
    await world.cri.call('StopContainer', { containerId: stopped, timeout: 0n });
    expect(await limits(other)).toBe(52n << 20n);
  });

  test('of the container that is being created is a contradiction', async () => {
    const plugin = await start('10', 'confused');
    await plugin.rules({ CreateContainer: { delay: 300 } });
    const creating = createContainer(world, pod);
    const { container } = await plugin.wait('CreateContainer');
    const answer = await plugin.update(memory(container?.id ?? '', 40));
    expect(answer.failed).toEqual([container?.id]);
    await creating;
  });

  test('may be asked for at any time; what fails is told, unless it does not matter', async () => {
    const id = await startContainer(world, pod);
    const plugin = await start('10', 'free');
    const answer = await plugin.update(
      memory(id, 33),
      memory('unknown', 33),
      memory('whatever', 33, { ignoreFailure: true }),
    );
    expect(answer.failed).toEqual(['unknown']);
    expect(await limits(id)).toBe(33n << 20n);
  });

  test('may be asked for in the middle of an event, also of the container that it is about', async () => {
    const id = await startContainer(world, pod);
    const plugin = await start('10', 'nested');
    await plugin.rules({
      UpdateContainer: { updateNow: [memory(id, 41)] },
      StopContainer: { updateNow: [memory(id, 42, { ignoreFailure: true })] },
    });
    await world.cri.call('UpdateContainerResources', { containerId: id, linux: { cpuShares: 300n } }, 5_000);
    expect(await limits(id)).toBe(41n << 20n);
    await world.cri.call('StopContainer', { containerId: id, timeout: 0n }, 5_000);
    expect(plugin.isRunning).toBe(true);
    expect(plugin.heard(id).at(-1)).toBe('StopContainer');
  });

  test('contradicting another plug-in’s fails the request', async () => {
    const id = await startContainer(world, pod);
    await start('10', 'one', { UpdateContainer: { update: [memory(id, 60)] } });
    await start('20', 'two', { UpdateContainer: { update: [memory(id, 61)] } });
    const update = world.cri.call('UpdateContainerResources', {
      containerId: id,
      linux: { cpuShares: 300n },
    });
    expect((await failure(update)).message).toMatch(/"10-one" and "20-two" both tried to set MemLimit/);
    expect(await limits(id)).not.toBe(60n << 20n);
  });
});

describe('plug-ins that come while containers are being made', () => {
  test('see each exactly once: when they are synchronized, or when it is created', async () => {
    const created: Promise<string>[] = [];
    const late: NriPlugin[] = [];
    for (let round = 0; round < 24; round += 1) {
      created.push(createContainer(world, pod));
      if (round % 4 === 2) {
        late.push(
          NriPlugin.spawn(place, String(10 + round), `late${round}`, {
            rules: { Synchronize: { delay: 150 }, CreateContainer: { delay: 10 } },
          }),
        );
      }
      await sleep(25);
    }
    plugins.push(...late);
    const ids = await Promise.all(created);
    await Promise.all(late.map((plugin) => plugin.wait('Synchronize')));
    ids.push(await createContainer(world, pod));
    for (const plugin of late) {
      const [synchronized] = plugin.events().filter(({ event }) => event === 'Synchronize');
      const known = synchronized?.['containers'] as string[];
      const told = plugin
        .events()
        .filter(({ event }) => event === 'CreateContainer')
        .map(({ container }) => container?.id);
      const times = ids.map((id) => [...known, ...told].filter((other) => other === id).length);
      expect([plugin.name, times]).toEqual([plugin.name, ids.map(() => 1)]);
    }
  });

  test('are waited for while they synchronize, longer than for an answer', async () => {
    const slow = NriPlugin.spawn(place, '30', 'slow', { rules: { Synchronize: { delay: 2500 } } });
    plugins.push(slow);
    await slow.wait('Synchronize');
    const id = await startContainer(world, pod);
    expect(slow.heard(id)).toContain('CreateContainer');
  });

  test('are told of what runs, not of what has ended', async () => {
    const running = await startContainer(world, pod);
    const ended = await startContainer(world, pod);
    await world.cri.call('StopContainer', { containerId: ended, timeout: 0n });
    const plugin = await start('10', 'later');
    const synchronized = await plugin.wait('Synchronize');
    expect(synchronized['pods']).toEqual([pod.id]);
    expect(synchronized['containers']).toContain(running);
    expect(synchronized['containers']).not.toContain(ended);
    expect(synchronized['states']).toMatchObject({ [running]: 'CONTAINER_RUNNING' });
  });

  test('may change what they find', async () => {
    const id = await startContainer(world, pod);
    await start('10', 'changer', { Synchronize: { update: [memory(id, 35)] } });
    const changed = await eventually(
      () => limits(id),
      (limit) => limit === 35n << 20n,
    );
    expect(changed).toBe(35n << 20n);
  });

  test('find everything after a restart of the server, and hear of its end', async () => {
    const id = await startContainer(world, pod);
    await world.gantry.daemon.kill();
    await world.gantry.daemon.start();
    const plugin = await start('10', 'again');
    const synchronized = await plugin.wait('Synchronize');
    expect(synchronized['containers']).toContain(id);
    await removePod(world, pod);
    expect(plugin.heard(id)).toEqual(['StopContainer', 'RemoveContainer']);
    expect(plugin.heard(pod.id)).toEqual(['StopPodSandbox', 'RemovePodSandbox']);
  });
});
