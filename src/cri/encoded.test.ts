import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { ImageRecord } from '../image/index.ts';
import type { ContainerState } from '../pod/index.ts';
import { encodedContainers, encodedImage, encodedSandboxes } from './encoded.ts';
import { toContainer, toPodSandbox } from './status-builders.ts';
import { containerRecord, sandboxRecord } from './testing.ts';
import { codec } from './wire.ts';

const labels = { app: 'web', empty: '' };

describe('entries of lists', () => {
  it('are what the messages would be', async () => {
    const records = [containerRecord('a', 'p', {}, { labels }), containerRecord('b', 'p')];
    const { encode } = codec('ListContainersResponse');
    expect(encode({ containers: await encodedContainers(records) })).toEqual(
      encode({ containers: records.map(toContainer) }),
    );
    const pods = [sandboxRecord('p', {}, { labels }), sandboxRecord('q')];
    const list = codec('ListPodSandboxResponse');
    expect(list.encode({ items: await encodedSandboxes(pods) })).toEqual(
      list.encode({ items: pods.map(toPodSandbox) }),
    );
  });

  it('are encoded once a record, and again for the record that takes its place', async () => {
    const record = containerRecord('a', 'p');
    const state: ContainerState = { kind: 'created' };
    const changed = { ...record, state };
    const [first] = await encodedContainers([record]);
    const [again, after] = await encodedContainers([record, changed]);
    expect(again).toBe(first);
    expect(codec('Container').decode(after as Uint8Array).state).toBe('CONTAINER_CREATED');
  });

  it('of an image say whether somebody else pins it now', () => {
    const record = {
      id: `sha256:${'a'.repeat(64)}`,
      repoTags: ['r:1'],
      repoDigests: [],
      size: 7n,
      pinned: false,
      config: { user: '' },
    } as unknown as ImageRecord;
    const pinned = (isPinned: boolean): boolean =>
      codec('Image').decode(encodedImage(record, isPinned) as Uint8Array).pinned;
    expect([pinned(false), pinned(true), pinned(false)]).toEqual([false, true, false]);
  });

  it('of many records let others have their turns', async () => {
    const annotations = Object.fromEntries(
      Array.from({ length: 200 }, (_, i) => [`key-${i}`, 'é'.repeat(30)]),
    );
    const records = Array.from({ length: 3000 }, (_, i) => containerRecord(`${i}`, 'p', {}, { annotations }));
    let turns = 0;
    let done = false;
    const others = (async () => {
      while (!done) {
        await setImmediate();
        turns += 1;
      }
    })();
    const entries = await encodedContainers(records);
    done = true;
    await others;
    expect(turns).toBeGreaterThan(3);
    expect(codec('Container').decode(entries[2999] as Uint8Array).id).toBe('2999'.padEnd(64, '0'));
  });
});
