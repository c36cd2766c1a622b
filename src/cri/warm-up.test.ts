import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Services } from './context.ts';
import type { Handlers } from './server.ts';
import { containerRecord, readerOf, sandboxRecord } from './testing.ts';
import { type Activity, warmUp } from './warm-up.ts';

let state: string;
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'gantry-warm-up-'));
});
afterEach(() => rmSync(state, { recursive: true }));

const names = [
  'Version',
  'ListPodSandbox',
  'ListContainers',
  'PodSandboxStatus',
  'ContainerStatus',
  'ImageStatus',
  'ListImages',
];

/** Handlers that count, and what each was asked last. */
function counting(): { counts: Map<string, number>; requests: Map<string, object>; handlers: Handlers } {
  const counts = new Map<string, number>();
  const requests = new Map<string, object>();
  const handlers = Object.fromEntries(
    names.map((name) => [
      name,
      async (request: object) => {
        counts.set(name, (counts.get(name) ?? 0) + 1);
        requests.set(name, request);
        return {};
      },
    ]),
  );
  return { counts, requests, handlers };
}

function services(pods = readerOf([], [])): Services {
  const images = { list: () => [] };
  return { roots: { root: state, state }, pods, images } as unknown as Services;
}

const idle: Activity = { last: Number.NEGATIVE_INFINITY };
const never = new AbortController().signal;

describe('the warm-up', () => {
  it('makes every reading call so many times, about what is there, and leaves nothing', async () => {
    const { counts, requests, handlers } = counting();
    const pods = readerOf([sandboxRecord('pod')], [containerRecord('container', 'pod')]);
    const both = { runtime: handlers, image: handlers };
    await warmUp(services(pods), both, idle, never, { rounds: 3, delay: 0 });
    expect(Object.fromEntries(counts)).toEqual(Object.fromEntries(names.map((name) => [name, 3])));
    expect(requests.get('ContainerStatus')).toMatchObject({ containerId: 'container'.padEnd(64, '0') });
    expect(requests.get('PodSandboxStatus')).toMatchObject({ podSandboxId: 'pod'.padEnd(64, '0') });
    expect(readdirSync(state)).toEqual([]);
  });

  it('goes on after calls that fail', async () => {
    let calls = 0;
    const fails = async (): Promise<never> => {
      calls += 1;
      throw new Error('no');
    };
    const handlers = Object.fromEntries(names.map((name) => [name, fails]));
    await warmUp(services(), { runtime: handlers, image: handlers }, idle, never, { rounds: 2, delay: 0 });
    expect(calls).toBe(2 * names.length);
  });

  it('waits while the server is asked something', async () => {
    const { counts, handlers } = counting();
    const stop = new AbortController();
    const activity: Activity = { last: 0 };
    const asked = setInterval(() => {
      activity.last = performance.now();
    }, 5);
    activity.last = performance.now();
    const both = { runtime: handlers, image: handlers };
    const warm = warmUp(services(), both, activity, stop.signal, { rounds: 2, delay: 0 });
    await sleep(300);
    expect(counts.size).toBe(0);
    clearInterval(asked);
    await warm;
    expect(counts.get('Version')).toBe(2);
  });

  it('ends when the server does', async () => {
    const { counts, handlers } = counting();
    const stop = new AbortController();
    const both = { runtime: handlers, image: handlers };
    const warm = warmUp(services(), both, idle, stop.signal, { rounds: 1e9, delay: 0 });
    await expect.poll(() => counts.get('Version') ?? 0).toBeGreaterThan(2);
    stop.abort();
    await warm;
    expect(existsSync(join(state, 'warm-up.sock'))).toBe(false);
    const early = warmUp(services(), both, idle, stop.signal, { rounds: 1 });
    await early;
    expect(readdirSync(state)).toEqual([]);
  });
});
