import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually, makeRootfs, newId, type Rootfs, second, TestPod } from '../testing/index.ts';

let rootfs: Rootfs;
const pods: TestPod[] = [];

async function start(prefix?: readonly string[]): Promise<TestPod> {
  const pod = await TestPod.start({ rootfs: rootfs.path, ...(prefix ? { prefix } : {}) });
  pods.push(pod);
  return pod;
}

/** In a mount namespace of its own the host may look like another: stage1 believes /proc/self/mountinfo. */
function hostWith(script: string): string[] {
  return ['unshare', '-m', '--propagation', 'private', 'sh', '-ec', `${script}\nexec "$@"`, 'sh'];
}

const onlyV1 = hostWith('umount /sys/fs/cgroup/unified');
const onlyV2 = hostWith('umount -R /sys/fs/cgroup\nmount -t cgroup2 none /sys/fs/cgroup');

beforeAll(() => {
  rootfs = makeRootfs();
});
afterAll(() => rootfs.remove());
afterEach(async () => {
  for (const pod of pods.splice(0)) await pod.close();
});

function file(pod: TestPod, id: string, path: string): string {
  const [hierarchy = '', name = ''] = path.split('/');
  return readFileSync(join('/sys/fs/cgroup', hierarchy, pod.parent, id, name), 'utf8').trim();
}

function devices(...names: string[]): Record<string, unknown>[] {
  return names.map((name) => ({
    destination: `/dev/${name}`,
    type: 'bind',
    source: `/dev/${name}`,
    options: ['bind'],
  }));
}

const limits = {
  memory: { limit: 64 << 20, reservation: 32 << 20, swap: 64 << 20 },
  cpu: { shares: 512, quota: 20_000, period: 50_000, cpus: '0', mems: '0' },
  pids: { limit: 40 },
  blockIO: { throttleReadBpsDevice: [{ major: 254, minor: 0, rate: 1 << 20 }] },
  devices: [
    { allow: false, access: 'rwm' },
    { allow: true, type: 'c', major: 1, minor: 3, access: 'rwm' },
  ],
};

describe('resources', () => {
  it('are in the cgroup’s files before the process is', async () => {
    const pod = await start();
    const id = pod.writeApp({ args: ['sleep', '60'], resources: limits });
    await pod.create(id);
    expect(file(pod, id, 'memory/memory.limit_in_bytes')).toBe(String(64 << 20));
    expect(file(pod, id, 'memory/memory.soft_limit_in_bytes')).toBe(String(32 << 20));
    expect(file(pod, id, 'cpu/cpu.shares')).toBe('512');
    expect(file(pod, id, 'cpu/cpu.cfs_quota_us')).toBe('20000');
    expect(file(pod, id, 'cpu/cpu.cfs_period_us')).toBe('50000');
    expect(file(pod, id, 'cpuset/cpuset.cpus')).toBe('0');
    expect(file(pod, id, 'pids/pids.max')).toBe('40');
    expect(file(pod, id, 'devices/devices.list')).toBe('c 1:3 rwm');
    if (existsSync('/sys/fs/cgroup/blkio/blkio.throttle.read_bps_device')) {
      expect(file(pod, id, 'blkio/blkio.throttle.read_bps_device')).toBe('254:0 1048576');
    }
  });

  it('change while the app runs, up and down, and what is absent stays', async () => {
    const pod = await start();
    const id = await pod.run({ args: ['sleep', '60'], resources: limits });
    const update = (resources: unknown): Promise<unknown> =>
      pod.control.request({ update: { appId: id, resourcesJson: Buffer.from(JSON.stringify(resources)) } });
    await update({ memory: { limit: 256 << 20, swap: 256 << 20 } });
    expect(file(pod, id, 'memory/memory.limit_in_bytes')).toBe(String(256 << 20));
    expect(file(pod, id, 'pids/pids.max')).toBe('40');
    await update({
      memory: { limit: 32 << 20, swap: 32 << 20 },
      cpu: { shares: 2048, quota: -1 },
      pids: { limit: -1 },
    });
    expect(file(pod, id, 'memory/memory.limit_in_bytes')).toBe(String(32 << 20));
    expect(file(pod, id, 'cpu/cpu.shares')).toBe('2048');
    expect(file(pod, id, 'cpu/cpu.cfs_quota_us')).toBe('-1');
    expect(file(pod, id, 'pids/pids.max')).toBe('max');
    await expect(update({ cpu: { cpus: '99' } })).rejects.toThrow(/cpuset\.cpus.*'99'/);
    await expect(update({ memory: 3 })).rejects.toMatchObject({ errno: 22 });
  });

  it('that the host cannot give are warnings, and those that the kernel refuses are errors', async () => {
    const pod = await start();
    const id = await pod.run({
      args: ['sleep', '60'],
      resources: { rdma: { mlx5: { hcaHandles: 3 } } },
    });
    expect(pod.warnings().some((message) => message.includes("'rdma'"))).toBe(true);
    expect((await pod.state(id))?.phase).toBe('RUNNING');
    const impossible: [string, object, RegExp][] = [
      ['cpu.quota', { cpu: { quota: 1 } }, /cpu\.cfs_quota_us.*'1'/],
      ['cpu.cpus', { cpu: { cpus: '0-999' } }, /its parent cgroup has 0/],
      ['unified.memory.high', { unified: { 'memory.high': '1' } }, /no such file in its v2 cgroups/],
      ['hugepageLimits', { hugepageLimits: [{ pageSize: '7MB', limit: 1 }] }, /no pages of size 7MB/],
    ];
    for (const [subject, resources, why] of impossible) {
      const refused = pod.writeApp({ args: ['true'], resources: resources as Record<string, unknown> });
      const error = await pod.create(refused).catch((reason: unknown) => reason);
      expect(error).toMatchObject({
        errno: 22,
        operation: 'set',
        subject,
        message: expect.stringMatching(why),
      });
      expect(pod.cgroups(refused)).toEqual([]);
    }
  });

  it('below what is in use are refused where that is asked for, and set otherwise', async () => {
    const pod = await start();
    const mounts = devices('zero');
    const script = 'head -c 8000000 /dev/zero > /dev/held; echo held; sleep 60';
    const id = await pod.run({
      args: ['sh', '-c', script],
      mounts,
      resources: { memory: { limit: 64 << 20 } },
    });
    await eventually(() => expect(pod.logLines(id)).toHaveLength(1));
    const update = (memory: object): Promise<unknown> => {
      const resourcesJson = Buffer.from(JSON.stringify({ memory }));
      return pod.control.request({ update: { appId: id, resourcesJson } });
    };
    const checked = update({ limit: 4 << 20, checkBeforeUpdate: true });
    await expect(checked).rejects.toMatchObject({ errno: 22, operation: 'set', subject: 'memory.limit' });
    await update({ limit: 32 << 20, checkBeforeUpdate: true });
    expect(readFileSync(`/sys/fs/cgroup/memory${pod.parent}/${id}/memory.limit_in_bytes`, 'utf8')).toBe(
      `${32 << 20}\n`,
    );
  });

  it('that no process fits in are named, not a process that ended', async () => {
    const pod = await start();
    const id = pod.writeApp({ args: ['true'], resources: { memory: { limit: 4096 } } });
    const made = pod.create(id).then(() => pod.control.request({ continue: { appId: id } }));
    await expect(made).rejects.toMatchObject({ errno: 22, operation: 'set', subject: 'memory.limit' });
    expect(pod.cgroups(id)).toEqual([]);
  });

  it('that the process dies of before Continue comes are named by Continue’s answer, once', async () => {
    const pod = await start();
    const id = pod.writeApp({ args: ['true'] });
    process.kill(await pod.create(id), 'SIGKILL');
    await eventually(async () => expect(await pod.state(id)).toBeUndefined());
    const proceed = () => pod.control.request({ continue: { appId: id } });
    await expect(proceed()).rejects.toMatchObject({ errno: 10, operation: 'continue' });
    await expect(proceed()).rejects.toMatchObject({ errno: 2, operation: 'find' });
  });

  it('keep an app from devices that it was not given', async () => {
    const pod = await start();
    const mounts = devices('null', 'zero');
    const script = 'echo x >/dev/null && echo null; head -c 1 /dev/zero >/dev/null 2>&1 && echo zero; true';
    const id = await pod.run({ args: ['sh', '-c', script], mounts, resources: { devices: limits.devices } });
    await pod.exitOf(id);
    expect(pod.logLines(id)).toEqual([['stdout', 'F', 'null']]);
  });
});

describe('OOMKilled', () => {
  const hog = 'dd if=/dev/zero of=/dev/null bs=64M count=1';
  const resources = { memory: { limit: 16 << 20, swap: 16 << 20 } };
  const mounts = devices('null', 'zero');

  it('is told of the first process', async () => {
    const pod = await start();
    expect(await pod.runToEnd({ args: hog.split(' '), resources, mounts })).toMatchObject({
      exitCode: 137,
      oomKilled: true,
    });
  });

  it('is told when a child was killed and the first process went on', async () => {
    const pod = await start();
    const exit = await pod.runToEnd({ args: ['sh', '-c', `${hog}; exit 3`], resources, mounts });
    expect(exit).toMatchObject({ exitCode: 3, oomKilled: true });
  });

  it('is told when the victim was an exec’s', async () => {
    const pod = await start();
    const id = await pod.run({
      args: ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.1; done'],
      resources,
      mounts,
    });
    expect((await pod.exec(id, hog.split(' '))).exit.exitCode).toBe(137);
    await pod.stop(id, 10n * second);
    expect(await pod.state(id)).toMatchObject({ exitCode: 0, oomKilled: true });
  });

  it('is told when the victim was in a cgroup that the app nested', async () => {
    const pod = await start();
    const id = newId();
    const nested = `/sys/fs/cgroup/memory${pod.parent}/${id}/nested`;
    const cgroup = { destination: '/cg', type: 'bind', source: '/sys/fs/cgroup/memory', options: ['bind'] };
    const script = `mkdir /cg${nested.slice('/sys/fs/cgroup/memory'.length)}; (echo 0 >/cg${pod.parent}/${id}/nested/cgroup.procs; exec ${hog}); exit 2`;
    await pod.run({ args: ['sh', '-c', script], resources, mounts: [...mounts, cgroup] }, id);
    expect(await pod.exitOf(id)).toMatchObject({ exitCode: 2, oomKilled: true });
    expect(existsSync(nested)).toBe(false);
  });

  it('is not told of a kill by anybody else', async () => {
    const pod = await start();
    const id = await pod.run({ args: ['sleep', '60'], resources, mounts });
    await pod.control.request({ kill: { appId: id, signal: 9 } });
    expect(await pod.exitOf(id)).toMatchObject({ exitCode: 137, oomKilled: false });
  });
});

describe.each([
  ['v1 and v2 (hybrid)', undefined],
  ['v1 alone', onlyV1],
  ['v2 alone', onlyV2],
])('on a host with %s', (_name, prefix) => {
  it('runs, execs, kills and cleans up', async () => {
    const pod = await start(prefix);
    const script = 'trap "" TERM; setsid sleep 93 & while :; do sleep 1; done';
    const id = await pod.run({ args: ['sh', '-c', script], manifest: { pid: 'host' } });
    const { exit } = await pod.exec(id, ['sh', '-c', 'setsid sleep 94 & sleep 95'], { timeout: second / 5n });
    expect(exit).toMatchObject({ timedOut: true, exitCode: 137 });
    const pids = processesOf(pod, id);
    expect(pids.length).toBeGreaterThan(1);
    await pod.stop(id, second / 10n);
    for (const pid of pids) expect(existsSync(`/proc/${pid}/exe`)).toBe(false);
    expect(pod.cgroups(id)).toEqual([]);
  });

  it('keeps execs apart in one hierarchy only, and uses their names again', async () => {
    const pod = await start(prefix);
    const id = await pod.run({ args: ['sleep', '60'] });
    for (let round = 0; round < 3; ++round) await pod.exec(id, ['true']);
    await pod.startExec(id, newId(), ['sleep', '60']);
    const places = pod.cgroups(id).flatMap((directory) =>
      readdirSync(directory)
        .filter((name) => name.startsWith('exec.'))
        .map((name) => join(directory, name)),
    );
    expect(places.length).toBe(1);
    expect(places[0]?.endsWith('/exec.0')).toBe(true);
    expect(readFileSync(join(places[0] ?? '', 'cgroup.procs'), 'utf8').trim()).not.toBe('');
  });
});

describe('on a host with v2 alone', () => {
  it('limits devices by a program, which an update replaces', async () => {
    const pod = await start(onlyV2);
    const mounts = devices('null', 'zero', 'full');
    const id = await pod.run({ args: ['sleep', '60'], mounts, resources: { devices: limits.devices } });
    const usable = async (): Promise<string> => {
      const script = 'for name in null zero full; do head -c 1 /dev/$name >/tmp/x && echo $name; done; true';
      return (await pod.exec(id, ['sh', '-c', script])).stdout;
    };
    expect(await usable()).toBe('null\n');
    const rules = [
      { allow: true },
      { allow: false, type: 'c', major: 1, access: 'rw' },
      { allow: true, type: 'c', major: 1, minor: 3 },
      { allow: true, type: 'c', major: 1, minor: 5, access: 'r' },
    ];
    await pod.control.request({
      update: { appId: id, resourcesJson: Buffer.from(JSON.stringify({ devices: rules })) },
    });
    expect(await usable()).toBe('null\nzero\n');
  });

  it('warns of limits whose controllers are missing', async () => {
    const pod = await start(onlyV2);
    const rest = { memory: limits.memory, cpu: limits.cpu, pids: limits.pids };
    const id = await pod.run({ args: ['sleep', '60'], resources: rest });
    expect((await pod.state(id))?.phase).toBe('RUNNING');
    for (const controller of ['memory', 'cpu', 'pids']) {
      expect(pod.warnings().some((message) => message.includes(`'${controller}'`))).toBe(true);
    }
  });
});

function processesOf(pod: TestPod, id: string): number[] {
  return pod
    .cgroups(id)
    .flatMap((directory) =>
      readFileSync(join(directory, 'cgroup.procs'), 'utf8').trim().split('\n').filter(Boolean).map(Number),
    );
}

describe('a relative cgroupsPath', () => {
  it('is below the cgroup that stage1 was started in', async () => {
    const pod = await TestPod.start({
      rootfs: rootfs.path,
      manifest: { cgroup: { driver: 'cgroupfs', path: '' } },
    });
    pods.push(pod);
    const id = pod.writeApp({ args: ['sleep', '60'], cgroupsPath: `keeper-relative-${pod.id.slice(0, 8)}` });
    const pid = await pod.create(id);
    const own = readFileSync(`/proc/${pod.pid}/cgroup`, 'utf8').trim().split('\n').sort();
    const apps = readFileSync(`/proc/${pid}/cgroup`, 'utf8').trim().split('\n').sort();
    apps.forEach((line, at) => {
      expect(line).toBe(`${own[at]}/keeper-relative-${pod.id.slice(0, 8)}`.replace('//', '/'));
    });
    await pod.stop(id, 0n);
    await eventually(() =>
      expect(existsSync(`/sys/fs/cgroup/pids/keeper-relative-${pod.id.slice(0, 8)}`)).toBe(false),
    );
  });
});

// A frozen hierarchy of v1's stands for whatever keeps a process from dying.
describe('an exec that cannot be killed', () => {
  it('is reported as killed all the same, and its descriptors go with it', async () => {
    const pod = await start();
    const id = await pod.run({ args: ['sleep', '100'] });
    const before = pod.openDescriptors();
    const freezer = `/sys/fs/cgroup/freezer${pod.parent}/${id}/freezer.state`;
    const running = pod.exec(id, ['sh', '-c', 'echo begun; sleep 90'], { timeout: 2n * second });
    await eventually(() =>
      expect(
        readFileSync(`/sys/fs/cgroup/freezer${pod.parent}/${id}/cgroup.procs`, 'utf8').split('\n').length,
      ).toBeGreaterThan(2),
    );
    writeFileSync(freezer, 'FROZEN');
    const unborn = pod.exec(id, ['true'], { timeout: second });
    await expect(unborn).rejects.toMatchObject({ errno: 110 });
    const { exit, stdout } = await running;
    expect(exit).toMatchObject({ exitCode: 137, timedOut: true, killed: true });
    expect(stdout).toBe('begun\n');
    writeFileSync(freezer, 'THAWED');
    await eventually(() => expect(pod.openDescriptors()).toBeLessThanOrEqual(before));
    expect((await pod.exec(id, ['echo', 'again'])).stdout).toBe('again\n');
  }, 60_000);
});
