import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type AppOptions, eventually, makeRootfs, newId, type Rootfs, TestPod } from '../testing/index.ts';

let rootfs: Rootfs;
const pods: TestPod[] = [];

/** A pod that nobody drives: its manifest lists its apps. */
async function startAlone(
  apps: Record<string, AppOptions>,
  manifest: Record<string, unknown> = {},
): Promise<TestPod> {
  const ids = Object.fromEntries(Object.keys(apps).map((name) => [name, newId()]));
  const pod = await TestPod.start({
    rootfs: rootfs.path,
    unready: true,
    manifest: { owner: 'cli', apps: Object.values(ids), ...manifest },
    prepare: (made) => {
      for (const [name, options] of Object.entries(apps)) {
        made.writeApp({ ...options, manifest: { name, ...options.manifest } }, ids[name]);
      }
    },
  });
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

describe('a pod without a server', () => {
  it('runs its app and ends with the app’s code', async () => {
    const pod = await startAlone({ one: { args: ['sh', '-c', 'exit 7'] } });
    expect(await pod.exited).toBe(7);
    expect(existsSync(pod.socketPath)).toBe(false);
  });

  it('ends with the first bad code, in the manifest’s order', async () => {
    const pod = await startAlone({
      good: { args: ['true'] },
      bad: { args: ['sh', '-c', 'sleep 0.2; exit 4'] },
      worse: { args: ['sh', '-c', 'exit 5'] },
    });
    expect(await pod.exited).toBe(4);
  });

  it('starts an app after those that it names', async () => {
    const pod = await startAlone({
      last: { args: ['sh', '-c', 'echo last'], manifest: { after: ['middle'] } },
      middle: { args: ['sh', '-c', 'sleep 0.1; echo middle'], manifest: { after: ['first'] } },
      first: { args: ['sh', '-c', 'echo first'] },
    });
    expect(await pod.exited).toBe(0);
    const starts = pod.control.events.flatMap((event) => (event.appStarted ? [event.appStarted.appId] : []));
    const names = starts.map(
      (id) => JSON.parse(readFileSync(join(pod.appDirectory(id), 'app.json'), 'utf8')).name,
    );
    expect(names).toEqual(['first', 'middle', 'last']);
  });

  it('refuses an order that cannot be', async () => {
    const circle = await startAlone({
      a: { args: ['true'], manifest: { after: ['b'] } },
      b: { args: ['true'], manifest: { after: ['a'] } },
    });
    expect(await circle.exited).toBe(1);
    expect(circle.stderr).toMatch(/circle/);
    const unknown = await startAlone({ a: { args: ['true'], manifest: { after: ['z'] } } });
    expect(await unknown.exited).toBe(1);
    expect(unknown.stderr).toMatch(/'z'/);
  });

  it('starts a failing app again, slower each time, until it succeeds', async () => {
    const counter = `/tmp/count-${newId().slice(0, 12)}`;
    const script = `echo x >>${counter}; test $(wc -l <${counter}) -ge 4`;
    const began = Date.now();
    const restart = { policy: 'on-failure', backoffInitial: 50_000_000, backoffMax: 100_000_000 };
    const pod = await startAlone({ flaky: { args: ['sh', '-c', script], manifest: { restart } } });
    expect(await pod.exited).toBe(0);
    expect(Date.now() - began).toBeGreaterThan(250);
    const ends = pod.control.events.flatMap((event) => (event.appExited ? [event.appExited.app] : []));
    expect(ends.map((app) => [app.exitCode, app.restarts])).toEqual([
      [1, 0],
      [1, 1],
      [1, 2],
      [0, 3],
    ]);
  });

  it('gives an app its own standard output, and runs onExit when all is over', async () => {
    const mark = join('/tmp', `keeper-exit-${newId().slice(0, 12)}`);
    const pod = await startAlone(
      { one: { args: ['sh', '-c', 'echo to stderr >&2; exit 3'], log: { kind: 'inherit' } } },
      { onExit: ['/bin/sh', '-c', `echo over >${mark}; echo from on-exit >&2`] },
    );
    expect(await pod.exited).toBe(3);
    expect(pod.stderr).toContain('to stderr\n');
    await eventually(() => expect(pod.stderr).toContain('from on-exit'));
    expect(readFileSync(mark, 'utf8')).toBe('over\n');
    rmSync(mark);
  });

  it('says what is wrong with an app that cannot be made, and ends', async () => {
    const pod = await startAlone({ one: { args: ['no-such-program'] } });
    expect(await pod.exited).not.toBe(0);
    expect(pod.stderr).toMatch(/no-such-program/);
    const broken = await startAlone({
      one: { args: ['true'], log: { kind: 'cri', path: '/proc/keeper-no-such-directory/log' } },
    });
    expect(await broken.exited).toBe(1);
    expect(broken.stderr).toMatch(/keeper-no-such-directory/);
  });

  it('stops with SIGTERM, and does not start again what ends by it', async () => {
    const restart = { policy: 'always', backoffInitial: 1, backoffMax: 1 };
    const script = 'trap "exit 0" TERM; while :; do sleep 0.05; done';
    const pod = await startAlone({ one: { args: ['sh', '-c', script], manifest: { restart } } });
    await pod.control.event((event) => event.appStarted);
    await new Promise((resolve) => setTimeout(resolve, 200));
    process.kill(pod.pid, 'SIGTERM');
    expect(await pod.exited).toBe(0);
  });
});
