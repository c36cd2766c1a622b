import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ContainerStatus, PodSandboxConfigInit } from '../../src/cri-types/index.ts';
import { pss, pssOf } from './memory.ts';
import { bringUp, hostNetwork, type Subject, takeDown, type Up } from './subjects.ts';
import type { Measured } from './table.ts';

export interface Pair {
  readonly peer: Subject;
  readonly ours: Subject;
}

const forever = ['sleep', '36000'];
/** Ends as soon as it is asked to. */
const willing = ['sh', '-c', 'trap "exit 0" TERM; sleep 36000 & wait'];

async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** The same sample of both, in turns; who begins changes from round to round. The first round is not counted. */
export async function inTurns(
  { peer, ours }: Pair,
  rounds: number,
  sample: (subject: Subject) => Promise<number>,
): Promise<{ peer: number[]; ours: number[] }> {
  const samples = { peer: [] as number[], ours: [] as number[] };
  for (let round = 0; round <= rounds; round += 1) {
    const order = round % 2 === 0 ? (['peer', 'ours'] as const) : (['ours', 'peer'] as const);
    for (const who of order) {
      const value = await sample(who === 'peer' ? peer : ours);
      if (round > 0) samples[who].push(value);
    }
  }
  return samples;
}

export async function podUp(
  pair: Pair,
  rounds: number,
  network: string,
  linux: PodSandboxConfigInit['linux'],
  ratio: number,
): Promise<Measured> {
  const samples = await inTurns(pair, rounds, async (subject) => {
    let up: Up | undefined;
    const time = await milliseconds(async () => {
      up = await bringUp(subject, linux, forever);
    });
    if (up !== undefined) await takeDown(subject, up);
    return time;
  });
  return { work: `pod and container up, ${network}`, unit: 'ms', ...samples, budget: { ratio } };
}

export async function execSync(pair: Pair, rounds: number): Promise<Measured> {
  const ups = new Map([
    [pair.peer, await bringUp(pair.peer, hostNetwork, forever)],
    [pair.ours, await bringUp(pair.ours, hostNetwork, forever)],
  ]);
  const samples = await inTurns(pair, rounds * 2, async (subject) => {
    const containerId = ups.get(subject)?.container ?? '';
    return await milliseconds(() =>
      subject.cri.call('ExecSync', { containerId, cmd: ['true'], timeout: 10 }),
    );
  });
  for (const [subject, up] of ups) await takeDown(subject, up);
  return { work: 'ExecSync of `true`', unit: 'ms', ...samples, budget: { ratio: 0.15 } };
}

export async function stopContainer(pair: Pair, rounds: number): Promise<Measured> {
  const samples = await inTurns(pair, rounds, async (subject) => {
    const up = await bringUp(subject, hostNetwork, willing);
    await sleep(100); // Until its trap is set.
    const stop = { containerId: up.container, timeout: 10n };
    const time = await milliseconds(() => subject.cri.call('StopContainer', stop));
    await takeDown(subject, up);
    return time;
  });
  return { work: 'StopContainer of a willing process', unit: 'ms', ...samples, budget: { ratio: 0.15 } };
}

/** Sixty pods, eight at once; while they are up, what they cost and how long their statistics take. */
export async function sixtyPods(pair: Pair): Promise<Measured[]> {
  const pods = 60;
  const up = { peer: [] as number[], ours: [] as number[] };
  const perPod = { peer: [] as number[], ours: [] as number[] };
  const server = { peer: [] as number[], ours: [] as number[] };
  const stats = { peer: [] as number[], ours: [] as number[] };
  for (const who of ['peer', 'ours', 'ours', 'peer'] as const) {
    const subject = pair[who];
    const ups: Up[] = [];
    const bringAllUp = async (): Promise<void> =>
      await eightAtOnce(pods, async () => {
        ups.push(await bringUp(subject, undefined, forever));
      });
    up[who].push(await milliseconds(bringAllUp));
    await sleep(2000);
    perPod[who].push(pssOf(subject.podProcesses) / pods);
    server[who].push(pss(subject.daemon.pid) / 1024);
    for (let n = 0; n < 7; n += 1) {
      stats[who].push(await milliseconds(() => subject.cri.call('ListContainerStats', {})));
    }
    await eightAtOnce(pods, async (n) => {
      const each = ups[n];
      if (each !== undefined) await takeDown(subject, each);
    });
  }
  return [
    { work: `${pods} pods, 8 at once`, unit: 'ms', ...up, budget: { ratio: 0.15 } },
    { work: 'memory of the runtime a pod (PSS)', unit: 'KiB', ...perPod, budget: { ratio: 0.2 } },
    { work: `server with ${pods} pods (PSS)`, unit: 'MiB', ...server, budget: { absolute: 150 } },
    { work: `ListContainerStats, ${pods} pods`, unit: 'ms', ...stats, budget: { ratio: 0.1 } },
  ];
}

/** What the server needs for five hundred pods; the peer is not asked, it would take minutes. */
export async function fiveHundredPods({ ours }: Pair): Promise<Measured> {
  const ups: Up[] = [];
  await eightAtOnce(500, async () => {
    ups.push(await bringUp(ours, hostNetwork, forever));
  });
  await ours.cri.call('ListContainers', {});
  await sleep(2000);
  const memory = pss(ours.daemon.pid) / 1024;
  await eightAtOnce(500, async (n) => {
    const each = ups[n];
    if (each !== undefined) await takeDown(ours, each);
  });
  return {
    work: 'server with 500 pods (PSS)',
    unit: 'MiB',
    peer: [],
    ours: [memory],
    budget: { absolute: 150 },
  };
}

async function eightAtOnce(count: number, work: (n: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      next += 1;
      await work(next - 1);
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
}

/** A container that writes 100-byte lines, out of a file in memory, as fast as they are taken. */
export async function logThroughput(pair: Pair, directory: string): Promise<Measured> {
  const [megabytes, times] = [20, 20];
  const lines = join(directory, 'lines');
  writeFileSync(lines, `${'0123456789'.repeat(10).slice(1)}\n`.repeat(megabytes * 10_000));
  const write = `n=0; while [ $n -lt ${times} ]; do cat /lines; n=$((n+1)); done`;
  const mounts = [{ hostPath: lines, containerPath: '/lines', readonly: true }];
  const samples = await inTurns(pair, 3, async (subject) => {
    const up = await bringUp(subject, hostNetwork, ['sh', '-c', write], mounts);
    const { startedAt, finishedAt } = await ended(subject, up);
    await takeDown(subject, up);
    return (megabytes * times) / (Number(finishedAt - startedAt) / 1e9);
  });
  return { work: 'log throughput', unit: 'MB/s', ...samples, budget: { atLeast: 8 } };
}

async function ended({ cri }: Subject, { container }: Up): Promise<ContainerStatus> {
  for (;;) {
    const { status } = await cri.call('ContainerStatus', { containerId: container });
    if (status?.state === 'CONTAINER_EXITED') return status;
    await sleep(50);
  }
}
