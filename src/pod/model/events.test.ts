import { describe, expect, it } from 'vitest';
import { EventBus } from './events.ts';
import type { ContainerEvent, SandboxRecord } from './record.ts';

const event = (containerId: string): ContainerEvent => ({
  type: 'started',
  containerId,
  at: 1n,
  sandbox: {} as SandboxRecord,
  containers: [],
});

async function take(from: AsyncIterable<ContainerEvent>, count: number): Promise<string[]> {
  const got: string[] = [];
  for await (const { containerId } of from) {
    got.push(containerId);
    if (got.length === count) break;
  }
  return got;
}

describe('events', () => {
  it('reach every subscriber in order, and nobody who came later', async () => {
    const bus = new EventBus();
    const { signal } = new AbortController();
    const early = bus.subscribe(signal);
    bus.publish(event('1'));
    const late = bus.subscribe(signal);
    bus.publish(event('2'));
    expect(await take(early, 2)).toEqual(['1', '2']);
    expect(await take(late, 1)).toEqual(['2']);
    expect(bus.subscribers).toBe(0);
  });

  it('wake a subscriber that waits', async () => {
    const bus = new EventBus();
    const got = take(bus.subscribe(new AbortController().signal), 2);
    await new Promise((resolve) => setImmediate(resolve));
    bus.publish(event('1'));
    bus.publish(event('2'));
    expect(await got).toEqual(['1', '2']);
  });

  it('the oldest are lost to a subscriber that does not read', async () => {
    const bus = new EventBus();
    const slow = bus.subscribe(new AbortController().signal, 2);
    for (const id of ['1', '2', '3']) bus.publish(event(id));
    expect(await take(slow, 2)).toEqual(['2', '3']);
  });

  it('an abort ends the iteration and leaves nothing behind', async () => {
    const bus = new EventBus();
    const caller = new AbortController();
    const got = take(bus.subscribe(caller.signal), 99);
    await new Promise((resolve) => setImmediate(resolve));
    caller.abort();
    expect(await got).toEqual([]);
    expect(bus.subscribers).toBe(0);
  });
});
