import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { containerStatus, eventually, logOf, World } from './harness/index.ts';
import { Census, type State } from './sessions/census.ts';
import { makePlace, type Place } from './sessions/place.ts';
import { openAttach, polite, type Session, sent, type Transport } from './sessions/polite.ts';
import { rude } from './sessions/rude.ts';

/** Sessions that are open at the same time. */
const atOnce = 48;

describe('a thousand streaming sessions, half of them rude', () => {
  let world: World;
  let place: Place;
  let census: Census;
  let base: State;

  beforeAll(async () => {
    world = await World.create({ subnet: 130 });
    place = await makePlace(world);
    census = new Census(world);
  });
  afterAll(async () => {
    await world.dispose();
  });

  test('warm the server up', async () => {
    await run(300);
    base = await census.settled();
    census.report('after 300', base);
  });

  test('work, and end', async () => {
    const began = Date.now();
    await run(1000);
    console.log(`1000 sessions in ${Date.now() - began} ms`);
  }, 180_000);

  test('leave no descriptor, thread, process or memory behind within 30 s', async () => {
    const began = Date.now();
    const after = await census.backAt(base);
    console.log(`back at the base line after ${Date.now() - began} ms`);
    census.report('after 1300', after);
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
