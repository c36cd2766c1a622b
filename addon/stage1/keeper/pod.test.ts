import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  cgroupMounts,
  encodeFrame,
  eventually,
  makeRootfs,
  newId,
  type Rootfs,
  TestPod,
} from '../testing/index.ts';

let rootfs: Rootfs;
const pods: TestPod[] = [];

async function start(options: Partial<Parameters<typeof TestPod.start>[0]> = {}): Promise<TestPod> {
  const pod = await TestPod.start({ rootfs: rootfs.path, ...options });
  pods.push(pod);
  return pod;
}

beforeAll(() => {
  rootfs = makeRootfs();
});
afterAll(() => rootfs.remove());
afterEach(async () => {
  for (const pod of pods.splice(0)) await pod.close();
});

it.each(['namespaces', 'host'])('a pod says of which flavor it is: %s', async (flavor) => {
  const pod = await start({ manifest: { flavor } });
  const { state } = await pod.control.request({ getState: {} });
  expect(state?.hello?.flavor).toBe(flavor);
});

describe('launch', () => {
  it('says hello, moves to its own cgroup everywhere, and is ready', async () => {
    const pod = await start();
    expect(pod.control.events[0]?.hello).toMatchObject({ contractVersion: 2, podId: pod.id, pid: pod.pid });
    const own = readFileSync(`/proc/${pod.pid}/cgroup`, 'utf8').trim().split('\n');
    expect(own.length).toBe(cgroupMounts().length);
    for (const line of own) expect(line.endsWith(`${pod.parent}/${pod.id}`)).toBe(true);
  });

  it.each([
    ['a newer contract', { contractVersion: 99 }, /contractVersion is 99/],
    ['a bad id', { id: 'a/b' }, /id 'a\/b' must be/],
    ['another flavor', { flavor: 'kvm' }, /flavors 'namespaces' and 'host'/],
    ['no cgroup', { cgroup: undefined }, /cgroup is missing/],
    [
      'a socket that cannot be',
      { controlSocket: '/keeper-no-such-directory/ctl' },
      /keeper-no-such-directory/,
    ],
  ])('fails with %s, says why, and leaves nothing', async (_name, manifest, message) => {
    const pod = await start({ manifest, unready: true });
    const error = await pod.control.event((event) => event.podFailed?.error);
    expect(`${error.operation} ${error.subject} ${error.message}`).toMatch(message);
    expect(await pod.exited).toBe(1);
    expect(pod.stderr).toMatch(message);
    await pod.control.closed;
    expect(pod.cgroups(pod.id)).toEqual([]);
    expect(existsSync(pod.socketPath)).toBe(false);
  });

  it('waits to be placed with the systemd driver, and ends when the placer leaves', async () => {
    const manifest = { cgroup: { driver: 'systemd', path: 'gantry-x.scope' } };
    const placed = await start({ manifest, unready: true });
    await placed.control.event((event) => event.hello);
    expect(placed.control.events.some((event) => event.podReady)).toBe(false);
    await placed.control.request({ continuePod: {} });
    await placed.control.event((event) => event.podReady);
    const left = await start({ manifest, unready: true });
    await left.control.event((event) => event.hello);
    left.control.socket.destroy();
    expect(await left.exited).toBe(1);
  });

  it('adopts the cgroup that a systemd app was placed in', async () => {
    const pod = await start({
      manifest: { cgroup: { driver: 'systemd', path: 'gantry-x.scope' } },
      unready: true,
    });
    await pod.control.event((event) => event.hello);
    await pod.control.request({ continuePod: {} });
    const id = pod.writeApp({ args: ['sleep', '60'], resources: { pids: { limit: 33 } } });
    const pid = await pod.create(id);
    await expect(pod.control.request({ continue: { appId: id } })).rejects.toThrow(/not moved into a cgroup/);
    const again = await pod.create(id);
    expect(again).not.toBe(pid);
    // What systemd does on StartTransientUnit: its own hierarchy, and some controllers'.
    for (const hierarchy of ['systemd', 'memory']) {
      const directory = `/sys/fs/cgroup/${hierarchy}${pod.parent}/${id}`;
      execFileSync('mkdir', ['-p', directory]);
      writeFileSync(`${directory}/cgroup.procs`, String(again));
    }
    await pod.control.request({ continue: { appId: id } });
    await pod.control.request({ start: { appId: id } });
    const lines = readFileSync(`/proc/${again}/cgroup`, 'utf8').trim().split('\n');
    for (const line of lines) expect(line.endsWith(`${pod.parent}/${id}`)).toBe(true);
    expect(readFileSync(`/sys/fs/cgroup/pids${pod.parent}/${id}/pids.max`, 'utf8')).toBe('33\n');
    const nested = `/sys/fs/cgroup/systemd${pod.parent}/${id}/below`;
    mkdirSync(nested);
    await pod.stop(id, 0n);
    // systemd never hears that a cgroup has become empty which is gone by then.
    expect(pod.cgroups(id)).toEqual([`/sys/fs/cgroup/systemd${pod.parent}/${id}`]);
    expect(existsSync(nested)).toBe(false);
    rmdirSync(dirname(nested));
  });

  it('never adopts the cgroup that it is in itself as an app’s', async () => {
    const pod = await start({
      manifest: { cgroup: { driver: 'systemd', path: 'gantry-x.scope' } },
      unready: true,
    });
    await pod.control.event((event) => event.hello);
    const scope = `/sys/fs/cgroup/systemd${pod.parent}/scope`;
    execFileSync('mkdir', ['-p', scope]);
    writeFileSync(`${scope}/cgroup.procs`, String(pod.pid));
    await pod.control.request({ continuePod: {} });
    await pod.control.event((event) => event.podReady);
    const id = pod.writeApp({ args: ['sleep', '60'] });
    await pod.create(id); // placed by nobody: it is where its parent is
    await expect(pod.control.request({ continue: { appId: id } })).rejects.toThrow(/not moved into a cgroup/);
    expect(readFileSync(`${scope}/cgroup.procs`, 'utf8').split('\n')).toContain(`${pod.pid}`);
    await pod.control.request({ stopPod: {} });
    await pod.exited;
    rmdirSync(scope);
  });

  it('hands nothing of its own to an app: descriptors, signals, limits, OOM score', async () => {
    const pod = await start();
    const script =
      'ls /proc/self/fd | wc -l; grep -E "Sig(Blk|Ign)" /proc/self/status; cat /proc/self/oom_score_adj; ulimit -n';
    const id = await pod.run({ args: ['sh', '-c', script] });
    await pod.exitOf(id);
    const [descriptors, ...rest] = pod.logLines(id).map(([, , line]) => line);
    const limit = execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).trim();
    expect(descriptors).toBe('4');
    expect(rest).toEqual([
      'SigBlk:\t0000000000000000',
      'SigIgn:\t0000000000000000',
      readFileSync('/proc/self/oom_score_adj', 'utf8').trim(),
      limit,
    ]);
  });

  it('keeps the lock to itself, from the barrier on', async () => {
    const pod = await start({ manifest: { namespaces: { ipc: 'pod', uts: 'pod', pid: 'pod' } } });
    const holders = (): number[] =>
      readdirSync('/proc')
        .filter((name) => /^\d+$/.test(name))
        .map(Number)
        .filter((pid) => descriptorsOf(pid).includes(join(pod.directory, 'lock')));
    const id = pod.writeApp({ args: ['sleep', '60'], manifest: { pid: 'pod' } });
    await pod.create(id);
    expect(holders()).toEqual([pod.pid]);
    await pod.control.request({ continue: { appId: id } });
    expect(holders()).toEqual([pod.pid]);
    await pod.control.request({ start: { appId: id } });
    await pod.startExec(id, newId(), ['sleep', '60']);
    expect(holders()).toEqual([pod.pid]);
  });

  it('runs many apps at once', async () => {
    const pod = await start();
    const codes = Array.from({ length: 30 }, (_, at) => at);
    const ends = await Promise.all(
      codes.map((code) => pod.runToEnd({ args: ['sh', '-c', `seq 1 1000; exit ${code}`] })),
    );
    expect(ends.map((end) => end.exitCode)).toEqual(codes);
    for (const end of ends) expect(pod.logLines(end.appId).length).toBe(1000);
  });

  it('ends with its PID 1, apps and all, when that is killed', async () => {
    const pod = await start({ manifest: { namespaces: { ipc: 'pod', uts: 'pod', pid: 'pod' } } });
    const sandboxPid = await pod.control.event((event) => event.podReady?.sandboxPid);
    const id = await pod.run({ args: ['sleep', '60'], manifest: { pid: 'pod' } });
    process.kill(sandboxPid, 'SIGKILL');
    expect(await pod.exitOf(id)).toMatchObject({ exitCode: 137 });
    expect(await pod.exited).toBe(0);
    expect(pod.warnings().some((message) => message.includes('PID 1'))).toBe(true);
  });

  it('shows nothing of the host in a shared pid namespace: neither PID 1 nor an app that was not started yet', async () => {
    const pod = await start({ manifest: { namespaces: { ipc: 'pod', uts: 'pod', pid: 'pod' } } });
    const waiting = pod.writeApp({ args: ['sleep', '60'], manifest: { pid: 'pod' } });
    await pod.create(waiting);
    await pod.control.request({ continue: { appId: waiting } });
    const script = 'for i in /proc/[0-9]*; do echo $(cat $i/comm) = $(tr "\\0" "|" < $i/cmdline); done';
    const id = await pod.run({ args: ['sh', '-c', script], manifest: { pid: 'pod' } });
    await pod.exitOf(id);
    const lines = pod.logLines(id).map(([, , line]) => line);
    expect(lines.filter((line) => line.startsWith('gantry'))).toEqual([
      'gantry-init = gantry-init|',
      'gantry-init = gantry-init|',
    ]);
    expect(lines.join('\n')).not.toContain(pod.directory);
  });

  it('takes its PID 1 along when it is killed, and leaves the rest to whoever finds the lock free', async () => {
    const pod = await start({ manifest: { namespaces: { ipc: 'pod', uts: 'pod', pid: 'pod' } } });
    const sandboxPid = await pod.control.event((event) => event.podReady?.sandboxPid);
    const id = await pod.run({ args: ['sleep', '60'] });
    const left = await pod.state(id);
    process.kill(pod.pid, 'SIGKILL');
    await pod.exited;
    await eventually(() => expect(existsSync(`/proc/${sandboxPid}/exe`)).toBe(false));
    expect(existsSync(`/proc/${left?.pid}/exe`)).toBe(true);
    const record = readFileSync(join(pod.appDirectory(id), 'exit'));
    expect([record.readUInt32LE(16), record.readUInt32LE(4096 + 16)]).toContain(3);
    process.kill(left?.pid ?? 0, 'SIGKILL');
    await eventually(() => expect(existsSync(`/proc/${left?.pid}/exe`)).toBe(false));
  });

  it('cuts off a client that speaks something else, and takes no harm', async () => {
    const pod = await start();
    const huge = Buffer.from([0xff, 0xff, 0xff, 0xff]);
    const garbage = Buffer.concat([
      Buffer.from([0, 0, 0, 8]),
      Buffer.from('\x0a\xff\xff\xff\xff\xff\xff\xff', 'latin1'),
    ]);
    const both = encodeFrame({ request: { id: 1, getState: {} } });
    const wrongType = Buffer.from([0, 0, 0, 4, 0x0a, 0x02, 0x0d, 0x01]);
    const lateStream = Buffer.concat([both, encodeFrame({ openStream: { appId: 'x', stream: 1 } })]);
    for (const bytes of [huge, garbage, wrongType, lateStream]) {
      const socket = createConnection(pod.socketPath);
      socket.on('error', () => {});
      socket.resume();
      socket.write(bytes);
      await new Promise((resolve) => socket.once('close', resolve));
    }
    const torn = createConnection(pod.socketPath);
    torn.on('error', () => {});
    torn.end(both.subarray(0, 5));
    await eventually(async () =>
      expect((await pod.control.request({ getState: {} })).state?.ready).toBe(true),
    );
  });
});

function descriptorsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
  } catch {
    return []; // gone, or going
  }
}

describe('descriptors', () => {
  it('are closed at each exit: a pod outlives more apps than its limit has descriptors', async () => {
    const pod = await start({ prefix: ['prlimit', '--nofile=64:64'] });
    await pod.runToEnd({ args: ['true'] }); // the first one that has a log starts the process for logs
    const before = pod.openDescriptors();
    for (let round = 0; round < 60; ++round) {
      const ended = await pod.runToEnd({ args: ['true'] });
      expect(ended.exitCode).toBe(0);
    }
    await eventually(() => expect(pod.openDescriptors()).toBeLessThanOrEqual(before));
    expect(await pod.control.request({ getState: {} })).toMatchObject({ state: { apps: { length: 61 } } });
  });

  it('may be as many as the hard limit allows, while apps, execs and hooks get the soft one', async () => {
    const limits = ['prlimit', '--nofile=40:4096'];
    const report = join(mkdtempSync(join(tmpdir(), 'keeper-limits-')), 'limits');
    const hook = { path: '/bin/sh', args: ['sh', '-c', `echo "$(ulimit -Sn) $(ulimit -Hn)" >> ${report}`] };
    const hooks = { createRuntime: [hook], poststart: [hook] };
    const onExit = ['/bin/sh', '-c', `echo "$(ulimit -Sn) $(ulimit -Hn)" >> ${report}`];
    const pod = await start({ prefix: limits, manifest: { onExit } });
    const script = 'ulimit -Sn; ulimit -Hn; sleep 60';
    const ids = await Promise.all(
      Array.from({ length: 20 }, () => pod.run({ args: ['sh', '-c', script], hooks })),
    );
    expect(pod.openDescriptors()).toBeGreaterThan(40);
    for (const id of ids) {
      await eventually(() => expect(pod.logLines(id).map(([, , line]) => line)).toEqual(['40', '4096']));
    }
    const exec = await pod.exec(ids[0] ?? '', ['sh', '-c', 'ulimit -Sn; ulimit -Hn']);
    expect(exec.stdout).toBe('40\n4096\n');
    await pod.control.request({ stopPod: { grace: '0' } });
    await pod.exited;
    expect(readFileSync(report, 'utf8')).toBe('40 4096\n'.repeat(20 + 20 + 1));
    rmSync(join(report, '..'), { recursive: true });
  });
});

/** The one of stage1's children that writes its logs. */
function logProcessOf(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  const found = children.find((child) => readFileSync(`/proc/${child}/comm`, 'utf8') === 'gantry-log\n');
  return Number(found);
}

/** KiB. */
function memoryOf(pid: number, kind: 'Pss' | 'Pss_Anon'): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(new RegExp(`^${kind}: +(\\d+) kB`, 'm').exec(rollup)?.[1]);
}

describe('at rest', () => {
  it('costs less than a mebibyte, and no descriptor is left of what has gone', async () => {
    const pod = await start();
    await pod.runToEnd({ args: ['true'] });
    const before = pod.openDescriptors();
    for (let round = 0; round < 5; ++round) {
      const id = await pod.run({ args: ['sh', '-c', 'seq 1 100000'] });
      await pod.exitOf(id);
      await pod.control.request({ delete: { appId: id } });
    }
    await eventually(() => expect(pod.openDescriptors()).toBeLessThanOrEqual(before));
    // Several, as on a node: they share the program's pages.
    const pods = [pod, ...(await Promise.all(Array.from({ length: 4 }, () => start())))];
    for (const each of pods) await each.run({ args: ['sleep', '60'] });
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const pss = pods.flatMap(({ pid }) => [pid, logProcessOf(pid)]).map((pid) => memoryOf(pid, 'Pss'));
    const each = pss.reduce((sum, part) => sum + part, 0) / pods.length;
    console.log(
      `stage1 with one app: PSS ${each} KiB, of that private ${memoryOf(pod.pid, 'Pss_Anon')} KiB and its process for logs' ${memoryOf(logProcessOf(pod.pid), 'Pss_Anon')} KiB`,
    );
    // The sanitizers' shadow memory is not stage1's.
    if (!pod.isSanitized()) expect(each).toBeLessThan(1024);
  });

  it('answers in milliseconds while an app floods its log', async () => {
    const pod = await start();
    await pod.run({ args: ['sh', '-c', 'yes a flood of lines'] });
    await pod.run({ args: ['sh', '-c', 'yes another one'] });
    const times: number[] = [];
    for (let round = 0; round < 50; ++round) {
      const began = performance.now();
      await pod.control.request({ getState: {} });
      times.push(performance.now() - began);
    }
    times.sort((a, b) => a - b);
    expect(times[25]).toBeLessThan(50);
  });
});

describe('a full disk', () => {
  it('does not keep an exit from being recorded', async () => {
    const pod = await start();
    const disk = mkdtempSync(join(tmpdir(), 'keeper-disk-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'keeper-test', disk]);
    try {
      const id = newId();
      execFileSync('mkdir', ['-p', join(pod.directory, 'apps'), join(disk, id)]);
      execFileSync('ln', ['-s', join(disk, id), pod.appDirectory(id)]);
      await pod.run(
        { args: ['sh', '-c', 'read x; exit 9'], stdin: true, log: { kind: 'cri', path: join(disk, 'log') } },
        id,
      );
      expect(() => writeFileSync(join(disk, 'filler'), Buffer.alloc(1 << 20))).toThrow(/ENOSPC/);
      (await pod.attach(id, 'STDIN')).end('\n');
      await pod.exitOf(id);
      const record = readFileSync(join(disk, id, 'exit'));
      const slots = [record.subarray(0, 512), record.subarray(4096, 4608)];
      const last = slots.sort((a, b) => Number(b.readBigUInt64LE(8) - a.readBigUInt64LE(8)))[0] ?? record;
      expect([last.readUInt32LE(16), last.readInt32LE(20), last.readUInt32LE(60)]).toEqual([4, 9, 2]);
      expect(pod.warnings().filter((message) => message.includes('record'))).toEqual([]);
      const more = newId();
      pod.writeApp({ args: ['true'] }, more);
      rmSync(join(pod.appDirectory(more), 'exit'), { force: true });
      execFileSync('ln', ['-s', join(disk, 'no-space'), join(pod.appDirectory(more), 'exit')]);
      await expect(pod.create(more)).rejects.toMatchObject({ operation: 'open' });
      expect(readdirSync(disk)).not.toContain('no-space');
    } finally {
      execFileSync('umount', ['-l', disk]);
      rmSync(disk, { recursive: true });
    }
  });
});
