/** What every layer store must do, whatever its format. */
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { never } from '../testing/fixture.ts';
import { type LayerBlob, layerOf, tarOf } from '../testing/images.ts';
import type { LayerFeed, LayerStore } from './types.ts';

export interface SuiteSubject {
  readonly store: LayerStore;
  /** A second view of the same place, as after a restart. */
  reopen(): Promise<LayerStore>;
  /** Changes a byte of a stored layer's content. */
  damage(key: string): void;
  /** Everything in the store's place, temporary files too. */
  files(): string[];
  /** An empty directory to mount at, in a place that `dispose` cleans up. */
  readonly mountpoint: string;
  dispose(): Promise<void>;
}

export function layerStoreSuite(name: string, make: () => Promise<SuiteSubject>): void {
  describe(`${name}: a layer store`, () => {
    let subject: SuiteSubject;
    let store: LayerStore;
    beforeEach(async () => {
      subject = await make();
      store = subject.store;
    });
    afterEach(() => subject.dispose());

    const layer = layerOf(tarOf({ 'etc/hello': 'hello\n' }));
    const feedOf =
      ({ bytes }: LayerBlob): LayerFeed =>
      async (sink) =>
        await pipeline([bytes], sink);
    const add = (expected = {}) => store.add(expected, feedOf(layer), never());

    it('keeps a layer under its diff ID', async () => {
      expect(store.find(layer.diffId)).toBeUndefined();
      const stored = await add({ diffId: layer.diffId, digest: layer.digest, size: layer.bytes.length });
      expect(stored).toMatchObject({ diffId: layer.diffId, key: store.keyFor(layer.diffId) });
      expect(store.find(layer.diffId)).toEqual(stored);
      expect(store.get(stored.key)).toEqual(stored);
      expect(store.keys()).toEqual([stored.key]);
      await store.sync();
      expect((await subject.reopen()).find(layer.diffId)).toEqual(stored);
    });

    it('makes the same of the same layer, whatever it was compressed with', async () => {
      const first = await add();
      const again = layerOf(tarOf({ 'etc/hello': 'hello\n' }), 'zstd');
      expect(await store.add({}, feedOf(again), never())).toEqual(first);
      expect(store.keys()).toHaveLength(1);
    });

    it.each([
      ['digest', { digest: `sha256:${'0'.repeat(64)}` }],
      ['size', { size: 1 }],
      ['diff ID', { diffId: `sha256:${'0'.repeat(64)}` }],
    ])('refuses another %s, and keeps nothing', async (what, expected) => {
      await expect(add(expected)).rejects.toMatchObject({ code: 'data-loss' });
      await expect(add(expected)).rejects.toThrow(`its ${what} is`);
      expect(subject.files()).toEqual([]);
    });

    it.each<[string, Buffer, string]>([
      ['no tar', Buffer.from('no tar '.repeat(300)), 'data-loss'],
      ['half a layer', layer.bytes.subarray(0, layer.bytes.length / 2), 'data-loss'],
      ['nothing', Buffer.alloc(0), 'data-loss'],
    ])('refuses %s, and keeps nothing', async (_what, bytes, code) => {
      await expect(
        store.add({ diffId: layer.diffId }, feedOf({ ...layer, bytes }), never()),
      ).rejects.toMatchObject({ code });
      expect(subject.files()).toEqual([]);
    });

    it('stops when told to, and keeps nothing', async () => {
      const stop = new AbortController();
      const endless: LayerFeed = async (sink, signal) => {
        sink.write(layer.bytes.subarray(0, 10));
        setTimeout(() => stop.abort(), 20);
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        signal.throwIfAborted();
      };
      await expect(store.add({}, endless, stop.signal)).rejects.toThrow();
      expect(subject.files()).toEqual([]);
    });

    it('passes on why the bytes did not come', async () => {
      const fail: LayerFeed = () => Promise.reject(new Error('the registry is gone'));
      await expect(store.add({}, fail, never())).rejects.toThrow('the registry is gone');
      expect(subject.files()).toEqual([]);
    });

    it('removes a layer, once or twice', async () => {
      const { key } = await add();
      await store.remove(key);
      await store.remove(key);
      expect(store.get(key)).toBeUndefined();
      expect(subject.files()).toEqual([]);
    });

    it('finds damage', async () => {
      const stored = await add();
      await store.verify(stored);
      subject.damage(stored.key);
      await expect(store.verify(stored)).rejects.toMatchObject({ code: 'data-loss', subject: stored.key });
    });

    it('mounts what was in the archive', async () => {
      const { key } = await add();
      await mkdir(subject.mountpoint, { recursive: true });
      await store.mount(key, subject.mountpoint);
      try {
        expect(readFileSync(join(subject.mountpoint, 'etc/hello'), 'utf8')).toBe('hello\n');
      } finally {
        await store.unmount(subject.mountpoint);
      }
      await store.unmount(subject.mountpoint);
    });

    it('tells how much it takes', async () => {
      const empty = await store.usage();
      await add();
      const full = await store.usage();
      expect(full.bytes).toBeGreaterThan(empty.bytes);
      expect(full.inodes).toBeGreaterThan(empty.inodes);
    });
  });
}
