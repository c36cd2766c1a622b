import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually, makeRootfs, type Rootfs, TestPod } from '../testing/index.ts';

const ECANCELED = 125;
const ETIMEDOUT = 110;

let rootfs: Rootfs;
let pod: TestPod;
let trace: string;

beforeAll(() => {
  rootfs = makeRootfs();
});
afterAll(() => rootfs.remove());
beforeEach(async () => {
  pod = await TestPod.start({ rootfs: rootfs.path });
  trace = join(pod.directory, 'trace');
});
afterEach(() => pod.close());

/** A hook of the host's shell. */
const hook = (script: string, timeout?: number): object => ({
  path: '/bin/sh',
  args: ['sh', '-c', script],
  env: ['PATH=/bin:/usr/bin'],
  ...(timeout === undefined ? {} : { timeout }),
});
const says = (word: string): object => hook(`echo ${word} $(cat) >> ${trace}`);
const lines = (): { word: string; state: Record<string, unknown> }[] =>
  readFileSync(trace, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const at = line.indexOf(' ');
      return { word: line.slice(0, at), state: JSON.parse(line.slice(at + 1)) as Record<string, unknown> };
    });

const warnings = (): string[] => pod.warnings().filter((text) => text.includes('hook'));

describe('hooks', () => {
  it('run after the start and after the end, outside of the container, with its state', async () => {
    const id = await pod.run({
      args: ['sleep', '600'],
      hooks: { poststart: [says('one'), says('two')], poststop: [says('three'), says('four')] },
    });
    // Start was answered: they have run.
    const running = await pod.state(id);
    expect(running?.phase).toBe('RUNNING');
    expect(lines().map(({ word }) => word)).toEqual(['one', 'two']);
    expect(lines()[0]?.state).toEqual({
      ociVersion: '1.2.0',
      id,
      status: 'running',
      pid: running?.pid,
      bundle: pod.appDirectory(id),
      annotations: { about: 'tests' },
    });
    await pod.stop(id, 0n);
    expect(lines().map(({ word }) => word)).toEqual(['one', 'two', 'three', 'four']);
    expect(lines()[2]?.state).toMatchObject({ id, status: 'stopped' });
    expect(lines()[2]?.state).not.toHaveProperty('pid');
    expect(await pod.exitOf(id)).toMatchObject({ exitCode: 137 });
    expect(warnings()).toEqual([]);
  });

  it('that fail after the start end the app, and Start says why', async () => {
    const id = pod.writeApp({
      args: ['sleep', '600'],
      hooks: {
        poststart: [hook('echo no thanks >&2; exit 3'), says('never')],
        poststop: [says('after')],
      },
    });
    await pod.create(id);
    await pod.control.request({ continue: { appId: id } });
    await expect(pod.control.request({ start: { appId: id } })).rejects.toMatchObject({
      errno: ECANCELED,
      message: expect.stringMatching(/poststart hook \/bin\/sh.*exited with code 3: no thanks/),
    });
    expect(await pod.state(id)).toMatchObject({ phase: 'EXITED', exitCode: 137 });
    expect(lines().map(({ word }) => word)).toEqual(['after']);
    expect(pod.cgroups(id)).toEqual([]);
  });

  it('that fail after the end are warnings, and keep no other from running', async () => {
    const exit = await pod.runToEnd({
      args: ['sh', '-c', 'exit 5'],
      hooks: { poststop: [hook('exit 4'), { path: '/no/such/hook' }, says('last')] },
    });
    expect(exit).toMatchObject({ exitCode: 5 });
    expect(lines().map(({ word }) => word)).toEqual(['last']);
    expect(warnings()).toEqual([
      expect.stringMatching(/poststop hook \/bin\/sh.*code 4/),
      expect.stringMatching(/poststop hook \/no\/such\/hook.*No such file/),
    ]);
  });

  it('that hang are killed at their time-out, with what they started', async () => {
    const started = join(pod.directory, 'pid');
    const id = pod.writeApp({
      args: ['sleep', '600'],
      hooks: { poststart: [hook(`sleep 601 & echo $! > ${started}; wait`, 1)] },
    });
    await pod.create(id);
    await pod.control.request({ continue: { appId: id } });
    const before = Date.now();
    await expect(pod.control.request({ start: { appId: id } })).rejects.toMatchObject({ errno: ETIMEDOUT });
    expect(Date.now() - before).toBeLessThan(5000);
    const pid = readFileSync(started, 'utf8').trim();
    await eventually(() => expect(existsSync(`/proc/${pid}`)).toBe(false));
  });

  it('of a slow start do not keep the app from ending', async () => {
    const id = pod.writeApp({
      args: ['sh', '-c', 'exit 6'],
      hooks: { poststart: [hook('sleep 0.5')], poststop: [says('stop')] },
    });
    await pod.create(id);
    await pod.control.request({ continue: { appId: id } });
    await pod.control.request({ start: { appId: id } });
    expect(await pod.exitOf(id)).toMatchObject({ exitCode: 6 });
    expect(lines().map(({ word }) => word)).toEqual(['stop']);
  });

  it('during which the app is killed before its exec: it never ran, and Start says so', async () => {
    const id = pod.writeApp({
      args: ['sleep', '600'],
      manifest: { pid: 'host' },
      hooks: { startContainer: [{ path: '/bin/sh', args: ['sh', '-c', 'kill -9 $PPID'] }] },
    });
    await pod.create(id);
    await pod.control.request({ continue: { appId: id } });
    await expect(pod.control.request({ start: { appId: id } })).rejects.toThrow(/before its exec/);
    expect(await pod.state(id)).toMatchObject({ phase: 'EXITED', exitCode: 137, startedAt: 0n });
    expect(pod.control.events.filter(({ appStarted }) => appStarted?.appId === id)).toEqual([]);
    expect(pod.cgroups(id)).toEqual([]);
  });

  it('after the end run for what was created and not started, not for what stayed at its barrier', async () => {
    const options = { args: ['sleep', '600'], hooks: { poststop: [says('stop')] } };
    const barrier = pod.writeApp(options);
    await pod.create(barrier);
    await pod.control.request({ delete: { appId: barrier } });
    expect(existsSync(trace)).toBe(false);
    const created = pod.writeApp(options);
    await pod.create(created);
    await pod.control.request({ continue: { appId: created } });
    await pod.control.request({ delete: { appId: created } });
    expect(lines().map(({ word, state }) => [word, state['id']])).toEqual([['stop', created]]);
  });

  it('have run when the pod has ended', async () => {
    await pod.run({ args: ['sleep', '600'], hooks: { poststop: [hook(`sleep 0.3; echo x > ${trace}`)] } });
    await pod.control.request({ stopPod: { grace: '0' } });
    expect(existsSync(trace)).toBe(true);
  });
});
