import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { containerStatus, eventually, logOf, World } from './harness/index.ts';
import { processesBelow, stage1Of, type Usage, usage } from './sessions/measure.ts';
import { makePlace, type Place } from './sessions/place.ts';
import { openAttach, polite, type Session, sent, type Transport } from './sessions/polite.ts';
import { rude } from './sessions/rude.ts';

/** Sessions that are open at the same time. */
const atOnce = 48;

/**
 * What memory may differ by, in KiB. The server's heap is limited, so that it is collected and not grown, and has twenty to thirty
 * MiB of noise; a thousand sessions of which each left its zlib streams (a third of a MiB) or a socket's buffers would cost
 * several times as much. stage1 has 1.5 MiB in all; a quarter of one may wait for the app that never reads its stdin.
 */
const tolerance = { server: 48 << 10, stage1: 512 };
const limitedHeap = ['env', 'NODE_OPTIONS=--max-old-space-size=64 --max-semi-space-size=8'];

interface State {
  readonly server: Usage;
  readonly stage1: Usage;
  readonly processes: ReadonlyMap<number, string>;
}

describe('a thousand streaming sessions, half of them rude', () => {
  let world: World;
  let place: Place;
  let base: State;

  beforeAll(async () => {
    world = await World.create({ subnet: 130, server: { wrapper: limitedHeap } });
    place = await makePlace(world);
  });
  afterAll(async () => {
    await world.dispose();
  });

  test('warm the server up', async () => {
    await run(300);
    base = await settled();
    report('after 300', base);
  });

  test('work, and end', async () => {
    const began = Date.now();
    await run(1000);
    console.log(`1000 sessions in ${Date.now() - began} ms`);
  });

  test('leave no descriptor, thread, process or memory behind within 30 s', async () => {
    const began = Date.now();
    const after = await quiet(base);
    console.log(`back at the base line after ${Date.now() - began} ms`);
    report('after 1300', after);
  });

  test('were not noticed by the apps', async () => {
    for (const id of [place.counter, place.deaf, place.loud, place.heart]) {
      expect(await containerStatus(world, id)).toMatchObject({ state: 'CONTAINER_RUNNING' });
    }
    const ticks = logOf(place.pod, 'heart').trimEnd().split('\n');
    expect(ticks.length).toBeGreaterThan(50);
    expect(ticks).toEqual(ticks.map((_, n) => `tick ${n}`));
    const client = await openAttach(place, 'spdy', place.counter);
    await sleep(100);
    client.write('the last one\n');
    const text = await eventually(
      () => client.received.stdout,
      (seen) => seen.includes('the last one'),
    );
    expect(text).toContain(`got ${sent.lines + 1} the last one\n`);
    client.destroy();
  });

  function state(): State {
    const processes = processesBelow(world.cgroupParent);
    return { server: usage(world.gantry.daemon.pid), stage1: usage(stage1Of(processes)), processes };
  }

  /** What is too much in comparison, as text; '' when nothing is. */
  function excess(from: State, to: State): string {
    const steady = (processes: State['processes']): string[] =>
      [...processes]
        .filter(([, argv]) => !/^(sleep|head|tr|sh -c while) /.test(argv))
        .map(([pid, argv]) => `${pid} ${argv}`);
    const known = new Set(steady(from.processes));
    return [
      ...steady(to.processes).filter((each) => !known.has(each)),
      ...(to.server.descriptors > from.server.descriptors
        ? [`server: ${to.server.descriptors} descriptors`]
        : []),
      ...(to.stage1.descriptors > from.stage1.descriptors
        ? [`stage1: ${to.stage1.descriptors} descriptors`]
        : []),
      ...(to.server.threads > from.server.threads ? [`server: ${to.server.threads} threads`] : []),
      ...(to.server.pss > from.server.pss + tolerance.server ? [`server: PSS ${to.server.pss} KiB`] : []),
      ...(to.stage1.pss > from.stage1.pss + tolerance.stage1 ? [`stage1: PSS ${to.stage1.pss} KiB`] : []),
      ...(to.stage1.threads > 1 ? [`stage1: ${to.stage1.threads} threads`] : []),
    ].join('\n');
  }

  /** Waits until nothing is left of earlier sessions. */
  async function quiet(from?: State): Promise<State> {
    const first = from ?? state();
    return await eventually(
      () => state(),
      (now) => excess(first, now) === '',
      30,
    ).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${excess(first, state())}`);
    });
  }

  /** Once nothing changes any more. */
  async function settled(): Promise<State> {
    let last = state();
    return await eventually(
      async () => {
        await sleep(1500);
        const before = last;
        last = state();
        return { before, now: last };
      },
      ({ before, now }) =>
        before.server.descriptors === now.server.descriptors &&
        excess(before, now) === '' &&
        excess(now, before) === '',
      40,
    ).then(({ now }) => now);
  }

  function report(when: string, { server, stage1, processes }: State): void {
    console.log(when, JSON.stringify({ server, stage1, processes: processes.size }));
  }

  /** So many sessions, polite and rude ones in turns, over both transports. */
  async function run(count: number): Promise<void> {
    const kinds = [Object.entries(polite), Object.entries(rude)];
    const failures: string[] = [];
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < count) {
        const n = next++;
        const list = kinds[n % 2] ?? [];
        const turn = n >> 1;
        const [name, session] = list[(turn >> 1) % list.length] as [string, Session];
        const transport: Transport = turn % 2 === 0 ? 'spdy' : 'websocket';
        await session(place, transport).catch((error: unknown) => {
          failures.push(`${name} over ${transport}: ${String(error).slice(0, 300)}`);
        });
      }
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
    expect(failures).toEqual([]);
  }
});
