import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Control, eventually, makeRootfs, newId, type Rootfs, second, TestPod } from '../testing/index.ts';

let rootfs: Rootfs;
let pod: TestPod;

beforeAll(() => {
  rootfs = makeRootfs();
});
afterAll(() => rootfs.remove());
beforeEach(async () => {
  pod = await TestPod.start({ rootfs: rootfs.path });
});
afterEach(() => pod.close());

/** Ends at SIGTERM (PID 1 has no default dispositions). */
const willing = ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.05; done'];
const unwilling = ['sh', '-c', 'trap "" TERM; while :; do sleep 1; done'];

/** By v1's freezer or v2's; whether the directory's hierarchy has one. */
function freeze(cgroup: string): boolean {
  const ways = { 'freezer.state': 'FROZEN', 'cgroup.freeze': '1' };
  const found = Object.entries(ways).filter(([file]) => existsSync(`${cgroup}/${file}`));
  for (const [file, value] of found) writeFileSync(`${cgroup}/${file}`, value);
  return found.length > 0;
}

describe('stop', () => {
  it('lets a willing process end by itself', async () => {
    const id = await pod.run({ args: willing });
    await new Promise((resolve) => setTimeout(resolve, 200));
    const began = Date.now();
    const { stopped } = await pod.stop(id, 10n * second);
    expect(stopped?.apps).toMatchObject([{ appId: id, phase: 'EXITED', exitCode: 0 }]);
    expect(Date.now() - began).toBeLessThan(3_000);
  });

  it('kills an unwilling one when the grace has passed, and all of its children', async () => {
    const id = await pod.run({ args: unwilling, manifest: { pid: 'host' } });
    const procs = pod.cgroups(id).map((path) => `${path}/cgroup.procs`);
    await eventually(() =>
      expect(
        readFileSync(procs[0] ?? '', 'utf8')
          .trim()
          .split('\n').length,
      ).toBeGreaterThan(1),
    );
    const pids = readFileSync(procs[0] ?? '', 'utf8')
      .trim()
      .split('\n')
      .map(Number);
    const began = Date.now();
    await pod.stop(id, second / 2n);
    expect(Date.now() - began).toBeGreaterThanOrEqual(490);
    expect(Date.now() - began).toBeLessThan(4_000);
    expect(await pod.state(id)).toMatchObject({ phase: 'EXITED', exitCode: 137, signal: 9 });
    for (const pid of pids) expect(existsSync(`/proc/${pid}/exe`)).toBe(false);
  });

  it('takes the shorter of two graces', async () => {
    const id = await pod.run({ args: unwilling });
    const long = pod.stop(id, 60n * second);
    const began = Date.now();
    await pod.stop(id, second / 10n);
    await long;
    expect(Date.now() - began).toBeLessThan(4_000);
  });

  it('sends the signal that the manifest or the request names', async () => {
    const script = 'trap "exit 12" USR2; trap "exit 10" USR1; while :; do sleep 0.05; done';
    const own = await pod.run({ args: ['sh', '-c', script], stopSignal: 10 });
    const asked = await pod.run({ args: ['sh', '-c', script], stopSignal: 10 });
    await new Promise((resolve) => setTimeout(resolve, 200));
    await Promise.all([pod.stop(own, 10n * second), pod.stop(asked, 10n * second, 12)]);
    expect(await pod.state(own)).toMatchObject({ exitCode: 10 });
    expect(await pod.state(asked)).toMatchObject({ exitCode: 12 });
  });

  it('kills what a first process in the host’s pid namespace leaves, before it reports the exit', async () => {
    const script = 'setsid sleep 91 & setsid sleep 92 & exit 4';
    const id = pod.writeApp({ args: ['sh', '-c', script], manifest: { pid: 'host' } });
    await pod.create(id);
    const procs = pod.cgroups(id).map((path) => `${path}/cgroup.procs`);
    await pod.control.request({ continue: { appId: id } });
    await pod.control.request({ start: { appId: id } });
    expect(await pod.exitOf(id)).toMatchObject({ exitCode: 4 });
    expect(procs.length).toBeGreaterThan(0);
    expect(pod.cgroups(id)).toEqual([]);
  });

  it('kills what somebody has frozen', async () => {
    const id = await pod.run({ args: unwilling });
    const frozen = pod.cgroups(id).filter((path) => freeze(path));
    expect(frozen.length).toBeGreaterThan(0);
    await pod.stop(id, 0n);
    expect(await pod.state(id)).toMatchObject({ phase: 'EXITED', exitCode: 137 });
    expect(pod.cgroups(id)).toEqual([]);
  });

  it('signals the first process, or all', async () => {
    const id = await pod.run({ args: ['sh', '-c', 'trap "exit 21" USR1; while :; do sleep 0.05; done'] });
    await new Promise((resolve) => setTimeout(resolve, 200));
    await pod.control.request({ kill: { appId: id, signal: 10 } });
    expect(await pod.exitOf(id)).toMatchObject({ exitCode: 21 });
    const other = await pod.run({ args: unwilling });
    await pod.control.request({ kill: { appId: other, signal: 9, all: true } });
    expect(await pod.exitOf(other)).toMatchObject({ exitCode: 137 });
    await expect(pod.control.request({ kill: { appId: other, signal: 9 } })).rejects.toMatchObject({
      errno: 3,
    });
    await expect(pod.control.request({ kill: { appId: other, signal: 999 } })).rejects.toMatchObject({
      errno: 22,
    });
  });
});

describe('the pod’s end', () => {
  it('stops every app, answers, and goes with exit code 0', async () => {
    const apps = await Promise.all([pod.run({ args: willing }), pod.run({ args: unwilling })]);
    await pod.create(pod.writeApp({ args: ['true'] }));
    const { stopped } = await pod.control.request({ stopPod: { grace: (second / 2n).toString() } });
    expect(stopped?.apps.map((app) => app.appId).sort()).toEqual([...apps].sort());
    expect(stopped?.apps.every((app) => app.phase === 'EXITED')).toBe(true);
    expect(await pod.exited).toBe(0);
    expect(existsSync(pod.socketPath)).toBe(false);
    await pod.control.closed;
    expect(pod.cgroups(pod.id)).toEqual([]);
  });

  it('refuses new work while it stops', async () => {
    const id = await pod.run({ args: unwilling });
    const stopping = pod.control.request({ stopPod: { grace: second.toString() } });
    await expect(pod.create(pod.writeApp({ args: ['true'] }))).rejects.toMatchObject({ errno: 108 });
    await expect(pod.startExec(id, newId(), ['true'])).rejects.toMatchObject({ errno: 108 });
    await stopping;
  });

  it('comes with SIGTERM too', async () => {
    const id = await pod.run({ args: willing });
    await new Promise((resolve) => setTimeout(resolve, 200));
    process.kill(pod.pid, 'SIGTERM');
    expect(await pod.exitOf(id)).toMatchObject({ exitCode: 0 });
    expect(await pod.exited).toBe(0);
  });

  it('is not the end of a connection: another one finds the pod as it was', async () => {
    const id = await pod.run({ args: ['sleep', '60'] });
    const other = await Control.connect(pod.socketPath);
    await other.request({ subscribe: {} });
    expect(await other.event((event) => event.hello)).toMatchObject({
      podId: pod.id,
      contractVersion: 2,
      pid: pod.pid,
    });
    await other.event((event) => event.podReady);
    pod.control.socket.destroy();
    await pod.control.closed;
    const { state } = await other.request({ getState: {} });
    expect(state?.apps).toMatchObject([{ appId: id, phase: 'RUNNING' }]);
    await other.request({ kill: { appId: id, signal: 9 } });
    await other.event((event) => event.appExited);
    await other.request({ stopPod: { grace: '0' } });
    expect(await pod.exited).toBe(0);
  });
});
