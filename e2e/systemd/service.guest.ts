import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CriError } from '../../hack/cri-client.ts';
import {
  containerStatus,
  createContainer,
  eventually,
  exec,
  logOf,
  type Pod,
  pull,
  removePod,
  runPod,
  script,
  shellImage,
  startContainer,
  World,
} from '../harness/index.ts';
import { gantryService, journal, mainPid } from './service.ts';
import { cgroupOf, scopeOf, show, systemctl, units } from './units.ts';

const podsUnits = 'gantry-*.scope';

// gantry.service and gantry.socket as they are shipped, on the systemd that runs the machine.
describe('the server as a unit', () => {
  let world: World;
  let pod: Pod;
  let counting: string;

  beforeAll(async () => {
    world = await World.create({ subnet: 99, server: { serve: gantryService } });
    await pull(world, shellImage);
    pod = await runPod(world);
    const loop = script('n=0; while :; do echo $n; n=$((n+1)); sleep 0.02; done');
    counting = await startContainer(world, pod, {
      metadata: { name: 'counts', attempt: 0 },
      logPath: 'counts.log',
      ...loop,
    });
  });
  afterAll(async () => {
    await world.dispose();
  });

  test('is started when it serves, by its own word', () => {
    const state = show(
      'gantry.service',
      'ActiveState',
      'SubState',
      'Type',
      'StatusText',
      'NRestarts',
      'Result',
    );
    expect(state).toEqual({
      ActiveState: 'active',
      SubState: 'running',
      Type: 'notify',
      StatusText: 'serving CRI on the socket of its unit',
      NRestarts: '0',
      Result: 'success',
    });
    expect(statSync(world.gantry.socket).mode & 0o777).toBe(0o600);
  });

  test('has nothing of a pod in its cgroup', async () => {
    const own = show('gantry.service', 'ControlGroup')['ControlGroup'] ?? '';
    const procs = readFileSync(join('/sys/fs/cgroup', own, 'cgroup.procs'), 'utf8')
      .trim()
      .split('\n');
    // The server, and helpers of its own: nothing that a restart could take with it.
    const names = procs.map((pid) => [
      parentOf(Number(pid)),
      readFileSync(`/proc/${pid}/comm`, 'utf8').trim(),
    ]);
    for (const [parent, name] of names) {
      expect([1, mainPid()]).toContain(parent);
      expect(name).not.toMatch(/stage1|sh|sleep/);
    }
    const stage1 = stage1Of(pod);
    const slice = `/${world.cgroupParent}`;
    expect(cgroupOf(stage1)).toBe(`${slice}/${scopeOf(pod.id)}`);
    const { pid } = await verbose(counting);
    expect(cgroupOf(pid)).toBe(`${slice}/${scopeOf(counting)}`);
    expect(units(podsUnits).sort()).toEqual([scopeOf(pod.id), scopeOf(counting)].sort());
  });

  test('is restarted in the middle of creates and execs, and no pod notices', async () => {
    const stage1 = stage1Of(pod);
    const { pid } = await verbose(counting);
    let done = false;
    const made: string[] = [];
    const creates = untilDone(
      () => done,
      async (n) => {
        const metadata = { name: `made-${n}`, attempt: 0 };
        made.push(await patiently(async () => await createContainer(world, pod, { metadata })));
      },
    );
    let execs = 0;
    const executions = untilDone(
      () => done,
      async () => {
        const said = await patiently(async () => await exec(world, counting, 'echo alive'));
        expect(said.text).toBe('alive');
        execs += 1;
      },
    );
    try {
      for (let round = 0; round < 2; round += 1) {
        const before = mainPid();
        await eventually(
          () => [execs, made.length],
          ([e = 0, m = 0]) => e > round && m > round,
          240,
        );
        systemctl('restart', 'gantry.service');
        expect(mainPid()).not.toBe(before);
      }
    } finally {
      done = true;
      await Promise.all([creates, executions]);
    }
    expect(stage1Of(pod)).toBe(stage1);
    expect((await verbose(counting)).pid).toBe(pid);
    const { containers } = await world.cri.call('ListContainers', {});
    expect(containers.map(({ id }) => id).sort()).toEqual([...made, counting].sort());
    for (const id of made) await world.cri.call('RemoveContainer', { containerId: id });
    expect(units('*', '--failed')).toEqual([]);
  });

  test('is killed by the watchdog when it hangs, comes back, and no pod notices', async () => {
    const before = mainPid();
    const { pid } = await verbose(counting);
    process.kill(before, 'SIGSTOP');
    await eventually(mainPid, (now) => now !== 0 && now !== before, 240);
    await eventually(
      () => show('gantry.service', 'SubState')['SubState'],
      (state) => state === 'running',
      240,
    );
    expect(journal('-u', 'gantry.service')).toMatch(/Watchdog timeout/);
    expect((await patiently(async () => await verbose(counting))).pid).toBe(pid);
    expect((await exec(world, counting, 'echo alive')).text).toBe('alive');
  });

  test('has lost no line of what was written all the time', async () => {
    await world.cri.call('StopContainer', { containerId: counting, timeout: 0n });
    const lines = logOf(pod, 'counts').trimEnd().split('\n');
    expect(lines.length).toBeGreaterThan(100);
    expect(lines).toEqual(Array.from(lines, (_, n) => String(n)));
  });

  test('is started by its socket’s next client, whom nobody refuses while it is away', async () => {
    systemctl('stop', 'gantry.service');
    expect(mainPid()).toBe(0);
    const client = connect(world.gantry.socket);
    await once(client, 'connect');
    // By the kubelet's way: a call that met the end of the last server is made again.
    const { items } = await patiently(async () => await world.cri.call('ListPodSandbox', {}, 240_000));
    expect(items.map(({ id }) => id)).toEqual([pod.id]);
    expect(mainPid()).not.toBe(0);
    client.destroy();
  });

  test('writes a journal whose levels are the journal’s', async () => {
    await world.cri
      .call('StopContainer', { containerId: '0'.repeat(64), timeout: 0n })
      .catch(() => undefined);
    const entries = journal('-u', 'gantry.service', '-o', 'json')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { PRIORITY: string; MESSAGE: string })
      .filter(({ MESSAGE }) => MESSAGE.startsWith('{"level"'));
    expect(entries.length).toBeGreaterThan(3);
    const priority: Record<string, string> = { '30': '6', '40': '4', '50': '3' };
    for (const { PRIORITY, MESSAGE } of entries) {
      const level = /"level":(\d+)/.exec(MESSAGE)?.[1] ?? '';
      expect(PRIORITY).toBe(priority[level]);
    }
  });

  test('and its pods are shown by systemd’s own tools', async () => {
    const container = await startContainer(world, pod);
    expect(systemctl('status', '--no-pager', scopeOf(container))).toContain('Gantry container');
    const tree = execFileSync('systemd-cgls', ['--no-pager', '-l'], { encoding: 'utf8' });
    expect(tree).toContain(scopeOf(container));
    expect(tree).toContain('gantry-stage1');
    // A pod is neither a login nor a machine.
    expect(execFileSync('loginctl', ['list-sessions', '--no-legend'], { encoding: 'utf8' }).trim()).toBe('');
    await removePod(world, pod);
    await eventually(
      () => units(podsUnits),
      (left) => left.length === 0,
    );
    expect(units('*', '--failed')).toEqual([]);
  });

  test('ends when it is told to, with success', () => {
    systemctl('stop', 'gantry.socket', 'gantry.service');
    const state = show('gantry.service', 'ActiveState', 'Result');
    const said = journal('-u', 'gantry.service', '-o', 'cat', '-n', '30');
    expect(state, said).toEqual({
      ActiveState: 'inactive',
      Result: 'success',
    });
  });

  async function verbose(containerId: string): Promise<{ pid: number }> {
    const { info } = await world.cri.call('ContainerStatus', { containerId, verbose: true });
    await containerStatus(world, containerId);
    return { pid: (JSON.parse(info['info'] ?? '{}') as { pid: number }).pid };
  }
});

function parentOf(pid: number): number {
  return Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

/** The process of this pod's stage1. */
function stage1Of(pod: Pod): number {
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const words = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0');
      if (words[0]?.endsWith('gantry-stage1') === true && words.join(' ').includes(pod.id))
        return Number(name);
    } catch {
      // gone meanwhile
    }
  }
  throw new Error(`no stage1 of ${pod.id} runs`);
}

async function untilDone(isDone: () => boolean, work: (n: number) => Promise<void>): Promise<void> {
  for (let n = 0; !isDone(); n += 1) {
    await work(n);
    // A restart has to adopt all that was made: not more of it than shows what it should.
    await sleep(500);
  }
}

/** Again while the server is away or ends: as the kubelet does. */
async function patiently<T>(call: () => Promise<T>): Promise<T> {
  const passing = new Set([1, 4, 14]); // CANCELLED, DEADLINE_EXCEEDED, UNAVAILABLE
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      if (!passing.has((error as CriError).code) || attempt > 100) throw error;
      await sleep(200);
    }
  }
}
