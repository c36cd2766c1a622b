import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Control, eventually, makeRootfs, type Rootfs, second, TestPod } from '../testing/index.ts';

const ESRCH = 3;
const EBUSY = 16;
const EEXIST = 17;
const ENOENT = 2;
const EINVAL = 22;

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

describe('an app’s life', () => {
  it('goes from the barrier to its exit code, with every phase told', async () => {
    const id = pod.writeApp({ args: ['sh', '-c', 'exit 7'] });
    const pid = await pod.create(id);
    expect(pid).toBeGreaterThan(0);
    expect(await pod.state(id)).toMatchObject({ phase: 'BARRIER', pid });
    expect(readFileSync(`/proc/${pid}/cgroup`, 'utf8')).toContain(`${pod.parent}/${id}`);
    await pod.control.request({ continue: { appId: id } });
    expect(await pod.state(id)).toMatchObject({ phase: 'CREATED', pid, startedAt: 0n });
    await pod.control.request({ start: { appId: id } });
    const exit = await pod.exitOf(id);
    expect(exit).toMatchObject({ phase: 'EXITED', pid, exitCode: 7, signal: 0, oomKilled: false });
    expect(exit.createdAt > 0n && exit.createdAt <= exit.startedAt).toBe(true);
    expect(exit.startedAt <= exit.finishedAt).toBe(true);
    expect(pod.control.events.some((event) => event.appStarted?.appId === id)).toBe(true);
    expect(pod.cgroups(id)).toEqual([]);
  });

  it('reports a signal as 128 + its number', async () => {
    const exit = await pod.runToEnd({
      args: ['sh', '-c', 'kill -9 $$; sleep 60'],
      manifest: { pid: 'host' },
    });
    expect(exit).toMatchObject({ exitCode: 137, signal: 9 });
  });

  it('kills a process whose barrier lost its caller, and frees the id', async () => {
    const id = pod.writeApp({ args: ['sleep', '60'] });
    const other = await Control.connect(pod.socketPath);
    const { created } = await other.request({ create: { appId: id } });
    expect(created?.pid).toBeGreaterThan(0);
    other.socket.destroy();
    await eventually(() => expect(() => process.kill(created?.pid ?? 0, 0)).toThrow());
    expect(await pod.state(id)).toBeUndefined();
    await eventually(() => expect(pod.cgroups(id)).toEqual([]));
    await expect(pod.run({ args: ['true'] }, id)).resolves.toBe(id);
  });

  it('keeps an app whose creator left after Continue', async () => {
    const id = pod.writeApp({ args: ['sleep', '60'] });
    const other = await Control.connect(pod.socketPath);
    await other.request({ create: { appId: id } });
    await other.request({ continue: { appId: id } });
    other.socket.destroy();
    await other.closed;
    await pod.control.request({ start: { appId: id } });
    expect(await pod.state(id)).toMatchObject({ phase: 'RUNNING' });
  });

  it('refuses what does not fit the state, and says why', async () => {
    const id = pod.writeApp({ args: ['sleep', '60'] });
    await expect(pod.control.request({ start: { appId: id } })).rejects.toMatchObject({ errno: ENOENT });
    await pod.create(id);
    await expect(pod.create(id)).rejects.toMatchObject({ errno: EEXIST });
    await expect(pod.control.request({ start: { appId: id } })).rejects.toMatchObject({ errno: EBUSY });
    await pod.control.request({ continue: { appId: id } });
    await expect(pod.control.request({ continue: { appId: id } })).rejects.toMatchObject({ errno: EBUSY });
    await pod.control.request({ start: { appId: id } });
    await expect(pod.control.request({ delete: { appId: id } })).rejects.toMatchObject({ errno: EBUSY });
    await pod.stop(id, 0n);
    await expect(pod.control.request({ start: { appId: id } })).rejects.toMatchObject({ errno: ESRCH });
    await expect(pod.create('../x')).rejects.toMatchObject({ errno: EINVAL });
    await expect(pod.control.request({})).rejects.toMatchObject({ errno: 38 });
  });

  it('fails a Create with a bad document, naming file and member, and leaves nothing', async () => {
    const id = pod.writeApp({ args: ['true'], manifest: { log: { kind: 'syslog' } } });
    const before = pod.openDescriptors();
    await expect(pod.create(id)).rejects.toThrow(/app\.json.*log.*syslog.*must be one of/);
    expect(await pod.state(id)).toBeUndefined();
    expect(pod.cgroups(id)).toEqual([]);
    expect(pod.openDescriptors()).toBeLessThanOrEqual(before);
  });

  it('fails a Start whose program is missing, and reports the app as exited', async () => {
    const id = pod.writeApp({ args: ['no-such-program'] });
    await pod.create(id);
    const prepared = pod.control.request({ continue: { appId: id } });
    const started = prepared.then(() => pod.control.request({ start: { appId: id } }));
    await expect(started).rejects.toMatchObject({ errno: ENOENT });
    await expect(started).rejects.toThrow(/no-such-program/);
    expect(pod.cgroups(id)).toEqual([]);
  });

  it('forgets a deleted app; Delete and Stop of what is gone succeed again', async () => {
    const id = await pod.run({ args: ['true'] });
    await pod.exitOf(id);
    await pod.stop(id, second);
    await pod.control.request({ delete: { appId: id } });
    await pod.control.request({ delete: { appId: id } });
    expect(await pod.state(id)).toBeUndefined();
  });

  it('deletes an app that was created and never started', async () => {
    const id = pod.writeApp({ args: ['sleep', '60'] });
    const pid = await pod.create(id);
    await pod.control.request({ continue: { appId: id } });
    await pod.control.request({ delete: { appId: id } });
    expect(() => process.kill(pid, 0)).toThrow();
    expect(pod.cgroups(id)).toEqual([]);
  });

  it('writes the exit record that the contract describes', async () => {
    const id = await pod.run({ args: ['sh', '-c', 'exit 3'] });
    const exit = await pod.exitOf(id);
    const record = readFileSync(join(pod.appDirectory(id), 'exit'));
    expect(record.length).toBe(8192);
    const slots = [record.subarray(0, 512), record.subarray(4096, 4608)];
    const last = slots.sort((a, b) => Number(b.readBigUInt64LE(8) - a.readBigUInt64LE(8)))[0] ?? record;
    expect(last.subarray(0, 8).toString()).toBe('GANTRYX1');
    expect(last.readUInt32LE(16)).toBe(4);
    expect(last.readInt32LE(20)).toBe(3);
    expect(last.readInt32LE(28)).toBe(exit.pid);
    expect(last.readBigInt64LE(48)).toBe(exit.finishedAt);
    expect(last.readUInt32LE(60)).toBe(2);
  });
});
