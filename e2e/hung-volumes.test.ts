// Volumes whose file systems do not answer, as of network storage without its server: they stop nobody but whoever uses them.
import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ContainerConfigInit } from '../src/cri-types/index.ts';
import { abandonedHelpers, askHost, closeHostFiles } from '../src/host-files/index.ts';
import {
  containerStatus,
  createContainer,
  eventually,
  exec,
  failure,
  HungFs,
  hostNetwork,
  type Pod,
  pull,
  removePod,
  runPod,
  shellImage,
  startContainer,
  World,
} from './harness/index.ts';

const DEADLINE_EXCEEDED = 4;
const FAILED_PRECONDITION = 9;
const metricsPort = 31_117;
// Milliseconds. Long enough for all that must go on meanwhile, on a busy machine.
const deadlines = 'hostPath=12000,stage1Mounts=12000,hostFile=300';

let world: World;
let directory: string;
let pod: Pod;
let other: Pod;
let shell: string;
let fs: HungFs;

beforeAll(async () => {
  directory = mkdtempSync('/tmp/ge-hung-');
  world = await World.create({
    subnet: 117,
    server: {
      wrapper: ['env', `GANTRY_DEADLINES=${deadlines}`],
      flags: ['--metrics', `127.0.0.1:${metricsPort}`],
    },
  });
  await pull(world, shellImage);
  other = await runPod(world, { linux: hostNetwork });
  shell = await startContainer(world, other);
});
afterAll(async () => {
  await world.removeEverything();
  expect(await world.leftovers()).toEqual([]);
  await world.dispose();
  rmSync(directory, { recursive: true });
});
beforeEach(async () => {
  fs = await HungFs.mount(directory, join(directory, 'fs'));
  pod = await runPod(world, { linux: hostNetwork });
});
afterEach(async () => {
  await fs.unmount();
  await removePod(world, pod);
  expect(helpers().length).toBeLessThanOrEqual(2);
});

/** Processes of gantry-files; idle ones are kept, two at most. */
function helpers(): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readlinkSync(`/proc/${pid}/exe`).endsWith('/gantry-files');
    } catch {
      return false;
    }
  });
}

const ten = Array.from({ length: 10 }, (_, index) => index);
const volume = (hostPath: string, containerPath = '/volume') => ({ mounts: [{ hostPath, containerPath }] });
const create = (name: string, config: ContainerConfigInit, where = pod): Promise<string> =>
  createContainer(world, where, { metadata: { name, attempt: 0 }, ...config });

interface Waiting {
  readonly call: Promise<unknown>;
  settled: boolean;
}
function watched(call: Promise<unknown>): Waiting {
  const waiting: Waiting = { call, settled: false };
  const end = (): void => {
    waiting.settled = true;
  };
  call.then(end, end);
  return waiting;
}

/** What a node does all the time, elsewhere. */
async function everythingElse(): Promise<void> {
  const { cri } = world;
  await cri.call('Version', {});
  await cri.call('Status', {});
  await cri.call('ListPodSandbox', {});
  await cri.call('ListContainers', {});
  await cri.call('ListImages', {});
  await cri.call('ListContainerStats', {});
  await cri.call('ImageFsInfo', {});
  await containerStatus(world, shell);
  expect((await exec(world, shell, 'echo alive')).text).toBe('alive');
  const another = await runPod(world);
  await startContainer(world, another);
  await removePod(world, another);
}

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  return Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1] ?? Number.NaN);
}

test('creates, image volumes, logs and files of the host hang at once, and nobody else does', async () => {
  // In stage1's child: the volume answers at first, and what is mounted below it does not.
  const nested = join(directory, 'nested');
  mkdirSync(join(nested, 'fs'), { recursive: true });
  const below = await HungFs.mount(directory, join(nested, 'fs'));
  writeFileSync(join(fs.path, 'hosts'), '127.0.0.1 localhost\n');
  const image = { image: { image: shellImage }, readonly: true };
  const hungPod = await runPod(world, { linux: hostNetwork, logDirectory: join(fs.path, 'logs') });
  spawnSync('mount', ['--bind', join(fs.path, 'hosts'), '/etc/hosts']);
  try {
    fs.stop();
    below.stop();
    const waiting = [
      ...ten.map((n) => create(`path-${n}`, volume(join(fs.path, `v${n}`)))),
      ...ten.map((n) =>
        create(`image-${n}`, {
          mounts: [
            { hostPath: nested, containerPath: '/volume' },
            { ...image, containerPath: `/volume/fs/image-${n}` },
          ],
        }),
      ),
      create('hosts', volume(join(fs.path, 'hosts'), '/etc/hosts')),
      create('log', {}, hungPod),
    ].map(watched);
    await everythingElse();
    expect(waiting.filter(({ settled }) => settled)).toEqual([]);
    const errors = await Promise.all(waiting.map(({ call }) => failure(call)));
    expect(new Set(errors.map(({ code }) => code))).toEqual(new Set([DEADLINE_EXCEEDED]));
    for (const n of ten) expect(errors[n]?.details).toContain(join(fs.path, `v${n}`));
    for (const n of ten) expect(errors[10 + n]?.details).toContain(nested);
    expect(errors[20]?.details).toContain(join(fs.path, 'hosts'));
    expect(errors[21]?.details).toContain(join(fs.path, 'logs'));
    expect(await metric('gantry_abandoned_processes')).toBe(0);
  } finally {
    spawnSync('umount', ['-l', '/etc/hosts']);
    fs.goOn();
    await below.unmount();
  }
  // The names are free.
  for (const n of [0, 9]) {
    await create(`path-${n}`, volume(join(fs.path, `v${n}`)));
    await create(`image-${n}`, { mounts: [{ ...image, containerPath: '/image' }] });
  }
  await create('log', {}, hungPod);
  await removePod(world, hungPod);
}, 120_000);

describe('a pod', () => {
  test('is removed at once, whatever its containers in the making wait for', async () => {
    fs.stop();
    const doomed = await runPod(world, { linux: hostNetwork });
    const waiting = ten.map((n) => watched(create(`c-${n}`, volume(join(fs.path, `v${n}`)), doomed)));
    await eventually(helpers, (all) => all.length >= 10);
    await removePod(world, doomed);
    const errors = await Promise.all(waiting.map(({ call }) => failure(call)));
    expect(new Set(errors.map(({ code }) => code))).toEqual(new Set([FAILED_PRECONDITION]));
    expect(errors[0]?.details).toContain('is being removed');
    await eventually(helpers, (all) => all.length <= 2);
  });

  test('loses nothing but the log where its log’s file system hangs: its containers, execs and end go on', async () => {
    const logging = await runPod(world, { linux: hostNetwork, logDirectory: join(fs.path, 'logs') });
    const writer = await startContainer(world, logging, {
      metadata: { name: 'writer', attempt: 0 },
      logPath: 'writer.log',
      command: ['sh', '-c', 'while :; do echo line; sleep 0.05; done'],
    });
    const quiet = await startContainer(world, logging, { logPath: 'quiet.log' });
    const doomed = await runPod(world, { linux: hostNetwork, logDirectory: join(fs.path, 'doomed') });
    await startContainer(world, doomed, {
      logPath: 'doomed.log',
      command: ['sh', '-c', 'yes a flood of lines'],
    });
    const log = join(fs.path, 'logs', 'writer.log');
    await eventually(
      () => readFileSync(log, 'utf8'),
      (text) => text.includes('line'),
    );
    fs.stop();
    try {
      for (const id of [writer, quiet]) expect((await exec(world, id, 'echo alive')).text).toBe('alive');
      await create('beside', { logPath: '' }, logging);
      await world.cri.call('StopContainer', { containerId: quiet, timeout: 0n }, 60_000);
      expect((await exec(world, writer, 'echo alive')).text).toBe('alive');
      await removePod(world, doomed);
    } finally {
      fs.goOn();
    }
    const before = readFileSync(log, 'utf8').length;
    await eventually(
      () => readFileSync(log, 'utf8').length,
      (length) => length > before,
    );
    await removePod(world, logging);
  });
});

test('ten relabels hang, end at their deadline by name, and the next helper answers', async () => {
  const paths = ten.map((n) => join(fs.path, `relabel-${n}`));
  for (const path of paths) mkdirSync(path);
  fs.stop();
  const label = 'system_u:object_r:container_file_t:s0:c1,c2';
  // SELinux is rarely in force where this runs; the request is the one that a container's making sends.
  const relabel = (path: string): Promise<unknown> =>
    askHost([{ name: 'relabel', path, argument: label }], { wait: 'relabel', deadline: 3_000 });
  const waiting = paths.map((path) => watched(relabel(path)));
  await relabel(directory.replace('ge-hung', 'ge-none'));
  expect(waiting.filter(({ settled }) => settled)).toEqual([]);
  for (const [n, { call }] of waiting.entries())
    await expect(call).rejects.toMatchObject({ code: 'deadline-exceeded', subject: paths[n] });
  expect(abandonedHelpers()).toBe(0);
  closeHostFiles();
});

test('what cannot be killed is left alone, counted, and not asked again', async () => {
  fs.keep();
  const hostPath = join(fs.path, 'never');
  const first = await failure(create('first', volume(hostPath)));
  expect(first).toMatchObject({ code: DEADLINE_EXCEEDED });
  expect(first.details).toContain(`${hostPath} did not answer`);
  await eventually(
    () => metric('gantry_abandoned_processes'),
    (count) => count === 1,
  );
  const again = await failure(create('first', volume(hostPath)));
  expect(again.details).toContain(`${hostPath} still does not answer`);
  await everythingElse();
  fs.goOn();
  await eventually(
    () => metric('gantry_abandoned_processes'),
    (count) => count === 0,
  );
  await create('first', volume(hostPath));
}, 90_000);
