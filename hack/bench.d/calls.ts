/** Small calls of servers that have been up for a minute, and what the servers hold before and after work. */
import { setTimeout as sleep } from 'node:timers/promises';
import { pss } from './memory.ts';
import { inTurns, type Pair } from './rows.ts';
import { bringUp, hostNetwork, image, type Subject, takeDown, type Up } from './subjects.ts';
import type { Measured } from './table.ts';

const forever = ['sleep', '36000'];
/** Pods while the calls are measured: lists have something to list. */
const pods = 5;
/** Calls a sample: one alone is shorter than what the clock and the scheduler add to it. */
const batch = 20;

type Call = (subject: Subject, up: Up) => Promise<unknown>;

const calls: readonly (readonly [name: string, call: Call])[] = [
  ['Version', ({ cri }) => cri.call('Version', {})],
  ['ContainerStatus', ({ cri }, { container }) => cri.call('ContainerStatus', { containerId: container })],
  ['PodSandboxStatus', ({ cri }, { pod }) => cri.call('PodSandboxStatus', { podSandboxId: pod })],
  [`ListContainers, ${pods} containers`, ({ cri }) => cri.call('ListContainers', {})],
  [`ListPodSandbox, ${pods} pods`, ({ cri }) => cri.call('ListPodSandbox', {})],
  ['ImageStatus', ({ cri }) => cri.call('ImageStatus', { image: { image } })],
  ['ListImages', ({ cri }) => cri.call('ListImages', {})],
];

/** @param started as performance.now() counted when the later server was up */
export async function smallCalls(pair: Pair, rounds: number, started: number): Promise<Measured[]> {
  await sleep(Math.max(0, started + 60_000 - performance.now()));
  const ups = new Map<Subject, Up[]>();
  for (const subject of [pair.peer, pair.ours]) {
    const all: Up[] = [];
    for (let n = 0; n < pods; n += 1) all.push(await bringUp(subject, hostNetwork, forever));
    ups.set(subject, all);
  }
  const results: Measured[] = [];
  for (const [work, call] of calls) {
    const samples = await inTurns(pair, rounds, async (subject) => {
      const up = ups.get(subject)?.[0] ?? { pod: '', container: '' };
      const start = performance.now();
      for (let n = 0; n < batch; n += 1) await call(subject, up);
      return (performance.now() - start) / batch;
    });
    results.push({ work, unit: 'ms', ...samples, budget: { ratio: 1.1 } });
  }
  for (const [subject, all] of ups) for (const up of all) await takeDown(subject, up);
  return results;
}

/** Of a server that has done nothing but start, then after so many execs and a while. */
export async function serverMemory(pair: Pair, execs: number): Promise<Measured[]> {
  const both = [pair.peer, pair.ours];
  const idle = both.map(({ daemon }) => pss(daemon.pid) / 1024);
  const ups = new Map<Subject, Up>();
  for (const subject of both) ups.set(subject, await bringUp(subject, hostNetwork, forever));
  // The peer takes minutes for what is only to be seen of ours.
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      const containerId = ups.get(pair.ours)?.container ?? '';
      for (let n = 0; n < execs / 8; n += 1)
        await pair.ours.cri.call('ExecSync', { containerId, cmd: ['true'], timeout: 10 });
    }),
  );
  await sleep(15_000);
  const worked = pss(pair.ours.daemon.pid) / 1024;
  for (const [subject, up] of ups) await takeDown(subject, up);
  return [
    {
      work: 'server, idle (PSS)',
      unit: 'MiB',
      peer: idle.slice(0, 1),
      ours: idle.slice(1),
      budget: { absolute: 90 },
    },
    {
      work: `server after ${execs} execs (PSS)`,
      unit: 'MiB',
      peer: [],
      ours: [worked],
      budget: { absolute: 150 },
    },
  ];
}
