import { existsSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ContainerConfigInit } from '../../src/cri-types/index.ts';
import {
  containerStatus,
  createContainer,
  exec,
  failure,
  hostNetwork,
  NriPlugin,
  nriPlace,
  type Pod,
  pull,
  removeNriPlace,
  runPod,
  shellImage,
  startContainer,
  World,
} from '../harness/index.ts';

const place = nriPlace();
let world: World;
let plugin: NriPlugin;
let pod: Pod;
let cdiSpecs: string;

beforeAll(async () => {
  cdiSpecs = join(place.directory, 'cdi');
  mkdirSync(cdiSpecs);
  const flags = [...place.flags, '--cdi-spec-dir', cdiSpecs];
  world = await World.create({ subnet: 151, server: { flags } });
  await pull(world, shellImage);
  plugin = await NriPlugin.start(place, '10', 'adjuster');
  pod = await runPod(world, { linux: hostNetwork });
});
afterAll(async () => {
  await world.dispose();
  await plugin.stop();
  removeNriPlace(place);
});

/** A running container, made under this adjustment. */
async function adjusted(adjust: object, config: ContainerConfigInit = {}): Promise<string> {
  await plugin.rules({ CreateContainer: { adjust, times: 1 } });
  return await startContainer(world, pod, config);
}

async function refused(adjust: object): Promise<string> {
  await plugin.rules({ CreateContainer: { adjust, times: 1 } });
  return (await failure(createContainer(world, pod))).message;
}

const say = async (id: string, text: string): Promise<string> => (await exec(world, id, text)).text;

/** A file of the container's cgroup, whichever version the host has. */
function cgroup(id: string, ...names: readonly string[]): string {
  const parents = ['', 'memory/', 'cpu/', 'pids/', 'cpuset/', 'devices/', 'hugetlb/', 'unified/'];
  for (const parent of parents) {
    for (const name of names) {
      const file = `/sys/fs/cgroup/${parent}${world.cgroupParent}/${id}/${name}`;
      if (existsSync(file)) return readFileSync(file, 'utf8').trim();
    }
  }
  throw new Error(`no ${names.join(' or ')} of ${id}`);
}

describe('a plug-in changes', () => {
  test('environment and arguments', async () => {
    const id = await adjusted(
      {
        env: [{ key: 'NEW', value: 'a=b' }, { key: 'OLD', value: '2' }, { key: '-GONE' }],
        args: ['sleep', '30001'],
      },
      {
        envs: [
          { key: 'OLD', value: Buffer.from('1') },
          { key: 'GONE', value: Buffer.from('x') },
          { key: 'KEPT', value: Buffer.from('k') },
        ],
      },
    );
    expect(await say(id, 'echo $NEW $OLD $KEPT [$GONE]')).toBe('a=b 2 k []');
    const started = await plugin.wait('PostStartContainer', ({ container }) => container?.id === id);
    const commandLine = readFileSync(`/proc/${started.container?.pid}/cmdline`, 'utf8');
    expect(commandLine.split('\0').slice(0, 2)).toEqual(['sleep', '30001']);
    const after = await plugin.wait('PostCreateContainer', ({ container }) => container?.id === id);
    expect(after.container?.args).toEqual(['sleep', '30001']);
    expect(after.container?.env).not.toContain('GONE=x');
  });

  test('mounts, in depth order, and takes some away', async () => {
    const directory = join(place.directory, 'data');
    mkdirSync(join(directory, 'below'), { recursive: true });
    writeFileSync(join(directory, 'file'), 'from the host');
    const bind = { type: 'bind', source: directory, options: ['rbind', 'ro', 'rprivate'] };
    const id = await adjusted({
      mounts: [
        { destination: '/data/below', type: 'tmpfs', source: 'tmpfs', options: ['size=1m'] },
        { destination: '/data', ...bind },
        { destination: '-/etc/hosts' },
      ],
    });
    expect(await say(id, 'cat /data/file')).toBe('from the host');
    expect((await exec(world, id, 'touch /data/x')).exitCode).not.toBe(0);
    expect(await say(id, 'touch /data/below/x && ls /data/below')).toBe('x');
    expect(await say(id, 'grep -c " /etc/hosts " /proc/self/mountinfo || true')).toBe('0');
  });

  test('annotations', async () => {
    const id = await adjusted(
      { annotations: { added: 'yes', '-taken': '' } },
      { annotations: { taken: 'x', kept: 'y' } },
    );
    const file = readFileSync(join(world.gantry.root, 'pods', pod.id, 'apps', id, 'config.json'), 'utf8');
    const { annotations } = JSON.parse(file) as { annotations: Record<string, string> };
    expect(annotations).toMatchObject({ added: 'yes' });
    expect(annotations).not.toHaveProperty('taken');
    // CRI's status shows what was asked for.
    expect((await containerStatus(world, id)).annotations).toEqual({ taken: 'x', kept: 'y' });
  });

  test('CDI devices, and is shown those that were asked for', async () => {
    const devices = [
      { name: 'asked', containerEdits: { env: ['ASKED=1', 'BOTH=asked'] } },
      {
        name: 'injected',
        containerEdits: {
          env: ['INJECTED=1', 'BOTH=injected'],
          deviceNodes: [{ path: '/dev/injected', hostPath: '/dev/null' }],
        },
      },
    ];
    const spec = { cdiVersion: '1.0.0', kind: 'gantry.test/thing', devices };
    writeFileSync(join(cdiSpecs, 'thing.json'), JSON.stringify(spec));
    const id = await adjusted(
      { CDIDevices: [{ name: 'gantry.test/thing=injected' }] },
      { CDIDevices: [{ name: 'gantry.test/thing=asked' }] },
    );
    expect(await say(id, 'echo $ASKED $INJECTED $BOTH; echo > /dev/injected && echo used')).toBe(
      '1 1 injected\nused',
    );
    const { container } = await plugin.wait('CreateContainer', (event) => event.container?.id === id);
    expect(container?.env).toContain('BOTH=asked');
    expect(container).toMatchObject({ CDIDevices: [{ name: 'gantry.test/thing=asked' }] });
    const after = await plugin.wait('PostCreateContainer', (event) => event.container?.id === id);
    expect(after.container?.env).toContain('BOTH=injected');
  });

  test('hooks', async () => {
    const trace = join(place.directory, 'trace');
    const hook = (text: string) => ({
      path: '/bin/sh',
      args: ['sh', '-c', `echo ${text} $FROM >> ${trace}`],
      env: ['PATH=/bin:/usr/bin', 'FROM=nri'],
      timeout: { value: 5 },
    });
    const id = await adjusted({
      hooks: {
        ...{ prestart: [hook('pre')], createRuntime: [hook('create')] },
        ...{ poststart: [hook('started')], poststop: [hook('stopped')] },
      },
    });
    expect(readFileSync(trace, 'utf8')).toBe('pre nri\ncreate nri\nstarted nri\n');
    await world.cri.call('StopContainer', { containerId: id, timeout: 0n });
    await world.cri.call('RemoveContainer', { containerId: id });
    expect(readFileSync(trace, 'utf8')).toBe('pre nri\ncreate nri\nstarted nri\nstopped nri\n');
  });

  test('devices, which may then be used', async () => {
    const id = await adjusted(
      {
        linux: {
          devices: [
            { path: '/dev/nri-null', type: 'c', major: '1', minor: '3', fileMode: { value: 0o666 } },
            { path: '-/dev/asked' },
          ],
        },
      },
      { devices: [{ hostPath: '/dev/null', containerPath: '/dev/asked', permissions: 'rwm' }] },
    );
    expect(await say(id, 'echo x > /dev/nri-null && stat -c %t,%T,%a /dev/nri-null')).toBe('1,3,666');
    expect(await say(id, 'ls /dev/asked 2>/dev/null || echo gone')).toBe('gone');
  });

  test('resources', async () => {
    const id = await adjusted({
      linux: {
        resources: {
          memory: { limit: { value: String(64 << 20) } },
          cpu: { shares: { value: '333' }, quota: { value: '40000' }, period: { value: '80000' } },
          pids: { limit: '55' },
        },
      },
    });
    expect(cgroup(id, 'memory.limit_in_bytes', 'memory.max')).toBe(String(64 << 20));
    expect(cgroup(id, 'pids.max')).toBe('55');
    expect(cgroup(id, 'cpu.cfs_quota_us', 'cpu.max')).toMatch(/^40000( 80000)?$/);
  });

  test('process attributes: limits, OOM score, I/O priority, scheduler', async () => {
    const id = await adjusted({
      rlimits: [{ type: 'RLIMIT_NOFILE', soft: '123', hard: '456' }],
      linux: {
        oomScoreAdj: { value: '777' },
        ioPriority: { class: 'IOPRIO_CLASS_BE', priority: 6 },
        scheduler: { policy: 'SCHED_BATCH', nice: 5 },
      },
    });
    expect(await say(id, 'ulimit -n; ulimit -H -n')).toBe('123\n456');
    const pid = plugin.events().findLast((e) => e.event === 'PostStartContainer')?.container?.pid;
    expect(readFileSync(`/proc/${pid}/oom_score_adj`, 'utf8').trim()).toBe('777');
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    expect([fields[16], fields[38]]).toEqual(['5', '3']); // nice; SCHED_BATCH
  });

  test('the seccomp policy', async () => {
    const id = await adjusted({
      linux: {
        seccompPolicy: {
          defaultAction: 'SCMP_ACT_ALLOW',
          syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: { value: 38 } }],
        },
      },
    });
    const { exitCode, stderr } = await exec(world, id, 'mkdir /tmp/x');
    expect(exitCode).not.toBe(0);
    expect(Buffer.from(stderr).toString()).toMatch(/not implemented/);
  });

  test('its cgroup, where statistics, updates and the end find it', async () => {
    const id = await adjusted({ linux: { cgroupsPath: `${world.cgroupParent}/by-nri` } });
    expect(cgroup('by-nri', 'cgroup.procs').split('\n')).not.toEqual(['']);
    await world.cri.call('UpdateContainerResources', {
      containerId: id,
      linux: { memoryLimitInBytes: 80n << 20n },
    });
    expect(cgroup('by-nri', 'memory.limit_in_bytes', 'memory.max')).toBe(String(80 << 20));
    const { stats } = await world.cri.call('ContainerStats', { containerId: id });
    expect(stats?.memory?.usageBytes?.value).toBeGreaterThan(0n);
    await world.cri.call('RemoveContainer', { containerId: id });
    expect(() => cgroup('by-nri', 'cgroup.procs')).toThrow('no cgroup.procs');
  });

  test('its pid namespace', async () => {
    const own = await adjusted(
      {},
      { linux: { securityContext: { namespaceOptions: { pid: 'CONTAINER' } } } },
    );
    expect(await say(own, 'echo $(ls -d /proc/[0-9]* | wc -l)')).toMatch(/^[0-9]$/);
    const host = await adjusted(
      { linux: { namespaces: [{ type: '-pid' }] } },
      { linux: { securityContext: { namespaceOptions: { pid: 'CONTAINER' } } } },
    );
    expect(await say(host, 'readlink /proc/self/ns/pid')).toBe(readlinkSync('/proc/self/ns/pid'));
  });
});

test('sysctls go into the namespaces that are the pod’s own', async () => {
  const own = await runPod(world);
  await plugin.rules({
    CreateContainer: {
      adjust: { linux: { sysctl: { 'net.ipv4.ip_unprivileged_port_start': '81' } } },
      times: 1,
    },
  });
  const id = await startContainer(world, own);
  expect(await say(id, 'cat /proc/sys/net/ipv4/ip_unprivileged_port_start')).toBe('81');
});

describe('what cannot be done is refused, not forgotten', () => {
  const wishes: [string, object, RegExp][] = [
    [
      'an unknown CDI device',
      { CDIDevices: [{ name: 'vendor.com/dev=0' }] },
      /unresolvable CDI devices vendor\.com\/dev=0/,
    ],
    ['a memory policy', { linux: { memoryPolicy: { mode: 'MPOL_BIND', nodes: '0' } } }, /memory policies/],
    ['RDT', { linux: { rdt: { closId: { value: 'gold' } } } }, /RDT/],
    ['an RDT class', { linux: { resources: { rdtClass: { value: 'gold' } } } }, /RDT class "gold"/],
    [
      'a block I/O class',
      { linux: { resources: { blockioClass: { value: 'fast' } } } },
      /block I\/O class "fast"/,
    ],
    ['network devices', { linux: { netDevices: { eth9: { name: 'lan0' } } } }, /network devices .*eth9/],
    [
      'a foreign namespace',
      { linux: { namespaces: [{ type: 'ipc', path: '/proc/1/ns/ipc' }] } },
      /ipc .*namespace/,
    ],
    ['a device of no kind', { linux: { devices: [{ path: '/dev/x', type: 'z' }] } }, /\/dev\/x .*"z"/],
  ];
  test.each(wishes)('%s', async (_name, adjust, message) => {
    expect(await refused(adjust)).toMatch(message);
  });

  test('a removal of what is not there is no error', async () => {
    const id = await adjusted({
      mounts: [{ destination: '-/nowhere' }],
      env: [{ key: '-NOTHING' }],
      annotations: { '-none': '' },
      linux: { rdt: { remove: true }, netDevices: { '-eth9': {} }, devices: [{ path: '-/dev/none' }] },
    });
    expect(await say(id, 'echo fine')).toBe('fine');
  });
});
