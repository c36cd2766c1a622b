import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  containerStatus,
  eventually,
  exec,
  failure,
  type Pod,
  pull,
  removePod,
  runPod,
  shellImage,
  startContainer,
  World,
} from '../harness/index.ts';
import { readJson, rewrite } from './newer.ts';
import { stage1sOf } from './stage1s.ts';

const UNAVAILABLE = 14;

interface Subject {
  readonly pod: Pod;
  readonly container: string;
  /** Of the container's process, as the host counts it. */
  readonly pid: number;
  readonly directory: string;
}

interface Doubt {
  readonly what: string;
  /** What the verbose Status calls it; absent: the pod is understood all the same. */
  readonly kind?: 'absent' | 'unreadable' | 'torn' | 'foreign';
  readonly spoil: (directory: string, container: string) => void;
  /** Whether the container is seen where the pod is. */
  readonly containerIsSeen?: boolean;
}

const recordIn = (directory: string): string => join(directory, 'record.json');
const appIn = (directory: string, container: string): string => join(directory, 'apps', container);
const loop = (path: string): void => {
  rmSync(path, { recursive: true });
  symlinkSync(path, path);
};
const intoDirectory = (path: string): void => {
  rmSync(path);
  mkdirSync(path);
};

const doubts: readonly Doubt[] = [
  {
    what: 'a record of version 2',
    spoil: (directory) => rewrite(recordIn(directory), (record) => ({ ...record, version: 2 })),
    containerIsSeen: true,
  },
  {
    what: 'a record of version 2 without its configuration',
    kind: 'foreign',
    spoil: (directory) =>
      rewrite(recordIn(directory), ({ config: _, ...record }) => ({
        ...record,
        version: 2,
        spec: 'elsewhere',
      })),
  },
  { what: 'ELOOP for its record', kind: 'unreadable', spoil: (directory) => loop(recordIn(directory)) },
  {
    what: 'EISDIR for its record',
    kind: 'unreadable',
    spoil: (directory) => intoDirectory(recordIn(directory)),
  },
  {
    what: 'EIO for its record',
    kind: 'unreadable',
    // Nothing is mapped at the address 0: reading from there is an error of input and output.
    spoil: (directory) => execFileSync('mount', ['--bind', '/proc/1/mem', recordIn(directory)]),
  },
  {
    what: 'ENOTDIR for its containers',
    kind: 'unreadable',
    spoil: (directory) => {
      renameSync(join(directory, 'apps'), join(directory, 'apps-elsewhere'));
      writeFileSync(join(directory, 'apps'), '');
    },
  },
  { what: 'no record', kind: 'absent', spoil: (directory) => rmSync(recordIn(directory)) },
  { what: 'half a record', kind: 'torn', spoil: (directory) => truncateSync(recordIn(directory), 100) },
  { what: 'an empty record', kind: 'torn', spoil: (directory) => truncateSync(recordIn(directory)) },
  { what: 'no lock', spoil: (directory) => rmSync(join(directory, 'lock')), containerIsSeen: true },
  { what: 'no manifest', spoil: (directory) => rmSync(join(directory, 'pod.json')), containerIsSeen: true },
  {
    what: 'half a record of its container',
    spoil: (directory, id) => truncateSync(join(appIn(directory, id), 'record.json'), 100),
  },
  {
    what: 'no record of its container',
    spoil: (directory, id) => rmSync(join(appIn(directory, id), 'record.json')),
  },
  {
    what: 'ELOOP for the record of its container',
    spoil: (directory, id) => loop(join(appIn(directory, id), 'record.json')),
  },
  {
    what: 'no directory of its container',
    spoil: (directory, id) => renameSync(appIn(directory, id), join(directory, 'elsewhere')),
  },
];

// A living pod each, of which a file is not what it should be when a server starts: whatever it is, nothing is ended.
describe('a pod with', () => {
  let world: World;
  let good: Subject;
  const subjects = new Map<string, Subject>();
  const images: string[] = [];

  beforeAll(async () => {
    world = await World.create({ subnet: 163 });
    images.push(await pull(world, shellImage));
    good = await subject();
    for (const { what } of doubts) subjects.set(what, await subject());
    await world.gantry.daemon.kill();
    mkdirSync(join(world.directory, 'saved'));
    for (const { what, spoil } of doubts) {
      const { directory, container, pod } = of(what);
      cpSync(directory, join(world.directory, 'saved', pod.id), { recursive: true });
      spoil(directory, container);
    }
    await world.gantry.daemon.start();
  });
  afterAll(async () => {
    await world.dispose();
  });

  test('nothing wrong is as it was', async () => {
    expect((await exec(world, good.container, 'echo here')).text).toBe('here');
    const layers = readdirSync(join(world.gantry.root, 'layers')).filter((name) => name.endsWith('.erofs'));
    expect(layers.length).toBeGreaterThan(0);
    expect(
      existsSync(join(world.gantry.root, 'quarantine'))
        ? readdirSync(join(world.gantry.root, 'quarantine'))
        : [],
    ).toEqual([]);
  });

  test.each(doubts)('$what runs on, and is told of', async ({ what, kind, containerIsSeen }) => {
    const { pod, container, pid } = of(what);
    expect(commandOf(pid)).toBe('sleep 36000');
    expect(stage1sOf([pod.id], world).length).toBe(1);
    if (kind !== undefined) {
      await isReported(pod, kind, container);
      return;
    }
    const { status, info } = await world.cri.call('PodSandboxStatus', {
      podSandboxId: pod.id,
      verbose: true,
    });
    expect(status?.state).toBe('SANDBOX_READY');
    if (containerIsSeen === true) {
      expect((await containerStatus(world, container)).state).toBe('CONTAINER_RUNNING');
      expect((await exec(world, container, 'echo here')).text).toBe('here');
    } else {
      const { unknownContainers } = JSON.parse(info['info'] ?? '{}') as { unknownContainers: object };
      expect(Object.keys(unknownContainers)).toEqual([container]);
      expect(world.serverLog).toContain(container);
    }
  });

  test('each of these goes on when it can be read again', async () => {
    const spoilt = doubts.filter(({ kind }) => kind !== undefined).map(({ what }) => ({ what, ...of(what) }));
    for (const { what, pod, directory } of spoilt) restore(what, directory, pod);
    for (const { container, pid } of spoilt) {
      const isSeen = async (): Promise<boolean> =>
        await containerStatus(world, container).then(
          ({ state }) => state === 'CONTAINER_RUNNING',
          () => false,
        );
      await eventually(isSeen, Boolean, 40);
      expect(commandOf(pid)).toBe('sleep 36000');
    }
    const { info } = await world.cri.call('Status', { verbose: true });
    expect(JSON.parse(info['unknownPods'] ?? '')).toEqual([]);
  });

  test('all of it goes when it is removed', async () => {
    for (const { pod, pid } of subjects.values()) {
      await removePod(world, pod);
      expect(commandOf(pid)).toBe('');
    }
    await removePod(world, good.pod);
    await world.removeEverything();
    rmSync(join(world.gantry.root, 'quarantine'), { recursive: true, force: true });
    expect(await world.leftovers()).toEqual([]);
  });

  /** As it was before it was spoilt; the record last, for it is what is looked at. */
  function restore(what: string, directory: string, pod: Pod): void {
    const saved = join(world.directory, 'saved', pod.id);
    if (what.startsWith('EIO')) execFileSync('umount', [recordIn(directory)]);
    if (what.startsWith('ENOTDIR')) {
      rmSync(join(directory, 'apps'));
      renameSync(join(directory, 'apps-elsewhere'), join(directory, 'apps'));
    }
    const whole = join(directory, 'whole.json');
    writeFileSync(whole, readFileSync(recordIn(saved)));
    rmSync(recordIn(directory), { recursive: true, force: true });
    renameSync(whole, recordIn(directory));
  }

  async function isReported(pod: Pod, kind: string, container: string): Promise<void> {
    const { items } = await world.cri.call('ListPodSandbox', {});
    expect(items.map(({ id }) => id)).not.toContain(pod.id);
    for (const call of ['StopPodSandbox', 'RemovePodSandbox'] as const) {
      const error = await failure(world.cri.call(call, { podSandboxId: pod.id }));
      expect([error.code, error.details]).toEqual([UNAVAILABLE, expect.stringContaining('is left as it is')]);
    }
    const { info } = await world.cri.call('Status', { verbose: true });
    const unknown = JSON.parse(info['unknownPods'] ?? '[]') as { id: string }[];
    expect(unknown.find(({ id }) => id === pod.id)).toMatchObject({
      kind,
      alive: true,
      manifest: { owner: 'cri', flavor: 'namespaces', hostname: 'doubted' },
      stage1: { contractVersion: 2, ready: true, apps: [{ id: container, phase: 'RUNNING' }] },
    });
    expect(world.serverLog).toContain(pod.id);
  }

  async function subject(): Promise<Subject> {
    const pod = await runPod(world, { hostname: 'doubted' });
    const container = await startContainer(world, pod);
    const { info } = await world.cri.call('ContainerStatus', { containerId: container, verbose: true });
    const { pid } = JSON.parse(info['info'] ?? '{}') as { pid: number };
    const directory = join(world.gantry.root, 'pods', pod.id);
    return { pod, container, pid, directory };
  }

  function of(what: string): Subject {
    const found = subjects.get(what);
    if (found === undefined) throw new Error(`there is no pod with ${what}`);
    return found;
  }
});

// The same, but nobody holds the lock any more: what cannot come back is set aside, and all else is kept for whoever can read it.
describe('a dead pod with', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.create({ subnet: 164 });
    await pull(world, shellImage);
  });
  afterAll(async () => {
    await world.dispose();
  });

  test.each([
    ['half a record', true, (path: string) => truncateSync(path, 100)],
    ['no record', true, (path: string) => rmSync(path)],
    ['ELOOP for its record', false, loop],
    [
      'a record of version 2 without its configuration',
      false,
      (path: string) => rewrite(path, ({ config: _, ...record }) => ({ ...record, version: 2 })),
    ],
  ])('%s: set aside: %s', async (_what, isSetAside, spoil) => {
    const pod = await runPod(world);
    await startContainer(world, pod);
    const directory = join(world.gantry.root, 'pods', pod.id);
    const saved = readJson(recordIn(directory));
    const [stage1] = stage1sOf([pod.id], world);
    await world.gantry.daemon.kill();
    process.kill(stage1?.pid ?? 0, 'SIGKILL');
    await eventually(
      () => stage1sOf([pod.id], world),
      (left) => left.length === 0,
    );
    spoil(recordIn(directory));
    await world.gantry.daemon.start();
    const isNetnsThere = (): boolean => existsSync(`/run/netns/gantry-${pod.id}`);
    if (isSetAside) {
      await eventually(
        () => existsSync(directory),
        (isThere) => !isThere,
      );
      expect(readdirSync(join(world.gantry.root, 'quarantine')).join()).toContain(pod.id);
      expect(isNetnsThere()).toBe(false);
    } else {
      expect(isNetnsThere()).toBe(true);
      // Whole at once: a look between the two would find no record, and set the pod aside.
      writeFileSync(join(directory, 'whole.json'), JSON.stringify(saved));
      renameSync(join(directory, 'whole.json'), recordIn(directory));
      await eventually(
        async () => (await world.cri.call('ListPodSandbox', { filter: { id: pod.id } })).items,
        (items) => items[0]?.state === 'SANDBOX_NOTREADY',
        30,
      );
      await removePod(world, pod);
    }
    rmSync(join(world.gantry.root, 'quarantine'), { recursive: true, force: true });
    expect((await world.leftovers()).filter((line) => !line.startsWith('mount: '))).toEqual([]);
  });
});

// Made by one network, ended by it: whatever the settings are by then.
describe('a pod whose network, or owner,', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.create({ subnet: 165 });
    await pull(world, shellImage);
  });
  afterAll(async () => {
    await world.dispose();
  });

  test('is not the one that is set now: it is ended by the one that made it', async () => {
    const pod = await runPod(world);
    const container = await startContainer(world, pod);
    await world.gantry.daemon.kill();
    // No CNI configuration is there: nothing could be made by it, and nothing is to be ended by it.
    world.gantry.daemon.change({ flags: ['--network', 'cni'] });
    await world.gantry.daemon.start();
    expect((await exec(world, container, 'ip -4 address show eth0')).text).toContain('10.165.');
    expect((await failure(runPod(world))).details).toMatch(/CNI|cni/);
    await removePod(world, pod);
    expect((await world.leftovers()).filter((line) => !line.startsWith('mount: '))).toEqual([]);
    world.gantry.daemon.change({ flags: ['--network', 'builtin'] });
    await world.gantry.daemon.stop();
    await world.gantry.daemon.start();
  });

  test('is its owner’s, who is not known: it is shown to nobody, and runs on', async () => {
    const pod = await runPod(world);
    await startContainer(world, pod);
    const record = recordIn(join(world.gantry.root, 'pods', pod.id));
    const [stage1] = stage1sOf([pod.id], world);
    const own = async (owner: string): Promise<void> => {
      await world.gantry.daemon.kill();
      rewrite(record, (whole) => ({ ...whole, owner }));
      await world.gantry.daemon.start();
    };
    const listed = async (): Promise<string[]> =>
      (await world.cri.call('ListPodSandbox', {})).items.map(({ id }) => id);
    await own('operator');
    expect(await listed()).not.toContain(pod.id);
    expect(stage1sOf([pod.id], world)).toEqual([stage1]);
    expect(readJson(record)['owner']).toBe('operator');
    await own('cri');
    expect(await listed()).toContain(pod.id);
    expect(stage1sOf([pod.id], world)).toEqual([stage1]);
    await removePod(world, pod);
  });

  test('is of a kind that is not known: it stays, with what failed, until a release knows it', async () => {
    const pod = await runPod(world);
    const record = recordIn(join(world.gantry.root, 'pods', pod.id));
    const rename = (kind: string): void =>
      rewrite(record, (whole) => ({ ...whole, network: { ...(whole['network'] as object), kind } }));
    await world.gantry.daemon.kill();
    rename('ipvlan');
    rmSync(join(record, '..', 'network.json'), { force: true });
    await world.gantry.daemon.start();
    const stopped = await failure(world.cri.call('StopPodSandbox', { podSandboxId: pod.id }));
    expect(stopped.details).toContain('of the kind "ipvlan", which this release does not know');
    expect(existsSync(`/run/netns/gantry-${pod.id}`)).toBe(true);
    const { status, info } = await world.cri.call('PodSandboxStatus', {
      podSandboxId: pod.id,
      verbose: true,
    });
    expect(status?.state).toBe('SANDBOX_NOTREADY');
    expect(info['info']).toContain('ipvlan');
    await world.gantry.daemon.kill();
    rename('builtin');
    await world.gantry.daemon.start();
    await removePod(world, pod);
    await world.removeEverything();
    expect(await world.leftovers()).toEqual([]);
  });
});

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}
