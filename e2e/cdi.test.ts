import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ContainerConfigInit } from '../src/cri-types/index.ts';
import {
  createContainer,
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

const INVALID_ARGUMENT = 3;
const UNIMPLEMENTED = 12;

const directory = mkdtempSync('/tmp/ge-cdi-');
const [fixed, dynamic] = [join(directory, 'etc'), join(directory, 'run')];
let world: World;
let pod: Pod;

beforeAll(async () => {
  const flags = ['--cdi-spec-dir', `${fixed}:${dynamic}`];
  world = await World.create({ subnet: 117, server: { flags } });
  await pull(world, shellImage);
  pod = await runPod(world, { linux: hostNetwork });
});
beforeEach(() => {
  for (const specs of [fixed, dynamic]) {
    rmSync(specs, { recursive: true, force: true });
    mkdirSync(specs);
  }
});
afterAll(async () => {
  await world.removeEverything();
  expect(await world.leftovers()).toEqual([]);
  await world.dispose();
  rmSync(directory, { recursive: true });
});

interface Described {
  readonly devices: Readonly<Record<string, object>>;
  readonly containerEdits?: object;
}

/** A specification of `gantry.test/thing`. */
function describeDevices(file: string, { devices, ...more }: Described): void {
  const list = Object.entries(devices).map(([name, containerEdits]) => ({ name, containerEdits }));
  const whole = { cdiVersion: '1.0.0', kind: 'gantry.test/thing', devices: list, ...more };
  writeFileSync(file, JSON.stringify(whole));
}
const asking = (...names: string[]): ContainerConfigInit => ({
  CDIDevices: names.map((name) => ({ name: `gantry.test/thing=${name}` })),
});
const say = async (id: string, text: string): Promise<string> => (await exec(world, id, text)).text;

describe('a CDI device', () => {
  test('is its node, of the host’s numbers and mode, and can be used as far as it permits', async () => {
    // One that no container may use unasked.
    const control = { path: '/dev/thing/control', hostPath: '/dev/loop-control' };
    describeDevices(join(fixed, 'a.json'), {
      devices: {
        whole: { deviceNodes: [control, { path: '/dev/nothing', hostPath: '/dev/null', fileMode: 0o606 }] },
        readonly: { deviceNodes: [{ ...control, permissions: 'r' }] },
        none: { deviceNodes: [{ ...control, permissions: 'none' }] },
      },
    });
    const use = 'for how in "<" ">"; do sh -c "exec 3$how/dev/thing/control" 2>/dev/null && echo $how; done';
    const whole = await startContainer(world, pod, asking('whole'));
    expect(await say(whole, use)).toBe('<\n>');
    expect(await say(whole, 'echo x > /dev/nothing; stat -c "%a %t:%T" /dev/nothing')).toBe('606 1:3');
    const mode = (statSync('/dev/loop-control').mode & 0o7777).toString(8);
    expect(await say(whole, 'stat -c "%a %F" /dev/thing/control')).toBe(`${mode} character special file`);
    const reader = await startContainer(world, pod, asking('readonly'));
    expect(await say(reader, use)).toBe('<');
    const nobody = await startContainer(world, pod, asking('none'));
    expect(await say(nobody, use)).toBe('');
  });

  test('brings variables, groups and mounts, in the place of those that are there', async () => {
    const library = join(directory, 'library');
    mkdirSync(join(library, 'sub'), { recursive: true });
    writeFileSync(join(library, 'file'), 'of the vendor');
    describeDevices(join(fixed, 'a.json'), {
      devices: {
        lib: {
          env: ['THING=device', 'SHARED=device'],
          mounts: [
            { hostPath: library, containerPath: '/usr/lib/vendor', options: ['rbind', 'ro', 'nosuid'] },
          ],
        },
      },
      containerEdits: { env: ['SHARED=all', 'ALL=yes'], additionalGids: [4321] },
    });
    const id = await startContainer(world, pod, {
      ...asking('lib'),
      envs: [{ key: 'THING', value: Buffer.from('container') }],
    });
    expect(await say(id, 'echo $THING $SHARED $ALL; id -G; cat /usr/lib/vendor/file')).toBe(
      'device device yes\n0 4321\nof the vendor',
    );
    expect((await exec(world, id, 'touch /usr/lib/vendor/new')).exitCode).not.toBe(0);
  });

  test('has its hooks run, the container’s state on their input', async () => {
    const trace = join(directory, 'trace');
    rmSync(trace, { force: true });
    const hook = (hookName: string): object => ({
      hookName,
      path: '/bin/sh',
      args: ['sh', '-c', `echo ${hookName} $WORD >> ${trace}; cat >> ${trace}; echo >> ${trace}`],
      env: ['WORD=from-cdi', 'PATH=/usr/bin:/bin'],
      timeout: 10,
    });
    describeDevices(join(fixed, 'a.json'), {
      devices: { hooked: { hooks: [hook('createRuntime'), hook('createContainer')] } },
    });
    const id = await startContainer(world, pod, asking('hooked'));
    const lines = readFileSync(trace, 'utf8').trim().split('\n');
    expect([lines[0], lines[2]]).toEqual(['createRuntime from-cdi', 'createContainer from-cdi']);
    expect(JSON.parse(lines[1] ?? '')).toMatchObject({ id, status: 'creating' });
  });

  test('with a hook that fails fails the create, and leaves nothing', async () => {
    const hooks = [
      { hookName: 'createContainer', path: '/bin/sh', args: ['sh', '-c', 'echo why >&2; exit 3'] },
    ];
    describeDevices(join(fixed, 'a.json'), { devices: { broken: { hooks } } });
    const before = (await world.cri.call('ListContainers', {})).containers.length;
    expect((await failure(createContainer(world, pod, asking('broken')))).details).toMatch(
      /createContainer hook/,
    );
    expect((await world.cri.call('ListContainers', {})).containers).toHaveLength(before);
  });

  test('is asked for by annotations, too, and twice is once', async () => {
    const trace = join(directory, 'twice');
    const hooks = [
      { hookName: 'createRuntime', path: '/bin/sh', args: ['sh', '-c', `echo hook >> ${trace}`] },
    ];
    describeDevices(join(fixed, 'a.json'), {
      devices: { one: { env: ['ONE=1'], hooks }, two: { env: ['TWO=2'] } },
    });
    const id = await startContainer(world, pod, {
      ...asking('one'),
      annotations: { 'cdi.k8s.io/vendor_plugin': 'gantry.test/thing=one,gantry.test/thing=two' },
    });
    expect(await say(id, 'echo $ONE $TWO')).toBe('1 2');
    expect(readFileSync(trace, 'utf8')).toBe('hook\n');
    const wrong = await failure(createContainer(world, pod, { annotations: { 'cdi.k8s.io/x': 'thing' } }));
    expect(wrong.details).toContain('"thing" is no CDI device name');
  });

  test('belongs to the user that the container runs as', async () => {
    describeDevices(join(fixed, 'a.json'), {
      devices: {
        mine: {
          deviceNodes: [
            { path: '/dev/mine', hostPath: '/dev/null' },
            { path: '/dev/theirs', hostPath: '/dev/null', uid: 7, gid: 8 },
          ],
        },
      },
    });
    const securityContext = { runAsUser: { value: 1000n }, runAsGroup: { value: 1001n } };
    const id = await startContainer(world, pod, { ...asking('mine'), linux: { securityContext } });
    expect(await say(id, 'stat -c "%u %g" /dev/mine /dev/theirs')).toBe('1000 1001\n7 8');
  });

  test('works in a pod with a user namespace: nodes are the host’s, what is bound has its owners', async () => {
    const library = join(directory, 'mapped');
    mkdirSync(library, { recursive: true });
    writeFileSync(join(library, 'file'), '');
    describeDevices(join(fixed, 'a.json'), {
      devices: {
        mapped: {
          deviceNodes: [
            { path: '/dev/loop-control' },
            { path: '/dev/thing/elsewhere', hostPath: '/dev/null', permissions: 'rw' },
          ],
          mounts: [{ hostPath: library, containerPath: '/vendor', options: ['rbind', 'ro'] }],
        },
      },
    });
    const ids = [{ containerId: 0, hostId: 800_000, length: 65_536 }];
    const linux = {
      securityContext: {
        namespaceOptions: { usernsOptions: { mode: 'POD' as const, uids: ids, gids: ids } },
      },
    };
    const apart = await runPod(world, { linux });
    const id = await startContainer(world, apart, { ...asking('mapped'), linux });
    expect(await say(id, 'stat -c "%F" /dev/loop-control; stat -c "%u %g" /vendor/file')).toBe(
      'character special file\n0 0',
    );
    expect(await say(id, 'echo x > /dev/thing/elsewhere; stat -c "%F %t:%T" /dev/thing/elsewhere')).toBe(
      'character special file 1:3',
    );
    await removePod(world, apart);
  });
});

describe('specifications', () => {
  test('in YAML, newly written, of the later directory first', async () => {
    const yaml = (from: string): string => `cdiVersion: "0.3.0"
kind: gantry.test/thing
devices:
  - name: dev
    containerEdits:
      env:
        - FROM=${from}  # a comment
`;
    writeFileSync(join(fixed, 'thing.yaml'), yaml('fixed'));
    expect(await say(await startContainer(world, pod, asking('dev')), 'echo $FROM')).toBe('fixed');
    writeFileSync(join(dynamic, 'thing.yaml'), yaml('dynamic'));
    expect(await say(await startContainer(world, pod, asking('dev')), 'echo $FROM')).toBe('dynamic');
    rmSync(join(dynamic, 'thing.yaml'));
    expect(await say(await startContainer(world, pod, asking('dev')), 'echo $FROM')).toBe('fixed');
  });

  test('that are wrong hurt only their own devices', async () => {
    describeDevices(join(fixed, 'good.json'), { devices: { dev: { env: ['GOOD=1'] } } });
    writeFileSync(join(fixed, 'bad.json'), '{"cdiVersion": "99.0.0"}');
    expect(await say(await startContainer(world, pod, asking('dev')), 'echo $GOOD')).toBe('1');
    const error = await failure(createContainer(world, pod, asking('other')));
    expect(error.details).toContain('unresolvable CDI devices gantry.test/thing=other');
    expect(error.details).toContain(`${fixed}/bad.json is not used: cdiVersion "99.0.0" is unknown`);
  });
});

describe('is refused, by name', () => {
  test('an unknown device; the container’s name is free afterwards', async () => {
    const metadata = { name: 'free', attempt: 0 };
    const error = await failure(createContainer(world, pod, { metadata, ...asking('nowhere') }));
    expect(error.code).toBe(INVALID_ARGUMENT);
    expect(error.details).toContain('unresolvable CDI devices gantry.test/thing=nowhere');
    await createContainer(world, pod, { metadata });
  });

  test('a device whose node the host does not have', async () => {
    describeDevices(join(fixed, 'a.json'), { devices: { gone: { deviceNodes: [{ path: '/dev/gone' }] } } });
    const error = await failure(createContainer(world, pod, asking('gone')));
    expect(error.code).toBe(INVALID_ARGUMENT);
    expect(error.details).toBe('CDI device gantry.test/thing=gone: the host has no device node /dev/gone');
  });

  test('a device whose mount the host does not have', async () => {
    const mounts = [{ hostPath: '/no/such/library', containerPath: '/x', options: ['bind'] }];
    describeDevices(join(fixed, 'a.json'), { devices: { gone: { mounts } } });
    expect((await failure(createContainer(world, pod, asking('gone')))).details).toContain(
      '/no/such/library',
    );
  });

  test('a device that wants RDT', async () => {
    describeDevices(join(fixed, 'a.json'), { devices: { rdt: { intelRdt: { closID: 'gold' } } } });
    const error = await failure(createContainer(world, pod, asking('rdt')));
    expect(error.code).toBe(UNIMPLEMENTED);
    expect(error.details).toMatch(/gantry\.test\/thing=rdt .* Intel RDT/);
  });
});
