import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { acquire, Fixture, never } from './testing/fixture.ts';
import { imageOf, layerOf, someImage, tarOf } from './testing/images.ts';
import { TestRegistry } from './testing/registry.ts';

let registry: TestRegistry;
let fixture: Fixture;
beforeAll(async () => {
  registry = await TestRegistry.start();
});
afterAll(async () => {
  await registry.stop();
});
beforeEach(() => {
  fixture = new Fixture();
});
afterEach(() => fixture.dispose());

describe('a pull from a real registry', () => {
  it.each(['gzip', 'zstd', 'none'] as const)('brings an image with %s layers', async (compression) => {
    const lower = layerOf(tarOf({ 'etc/a': 'lower\n', 'bin/tool': '#!/bin/sh\n' }), compression);
    const upper = layerOf(tarOf({ [`etc/${compression}`]: 'upper\n' }), compression);
    const image = imageOf([lower, upper], { config: { Cmd: ['x'], Env: ['A=b'] } });
    await registry.push('whole', compression, image);
    const images = await fixture.service();
    const name = `${registry.host}/whole:${compression}`;

    const record = await images.pull(name, { signal: never() });
    expect(record).toMatchObject({
      id: image.config.digest,
      repoTags: [name],
      repoDigests: [`${registry.host}/whole@${image.manifest.digest}`],
      size: image.config.bytes.length + lower.bytes.length + upper.bytes.length,
      config: { cmd: ['x'], env: ['A=b'] },
      layers: [{ diffId: lower.diffId }, { diffId: upper.diffId }],
    });
    expect(images.find(name)).toEqual(record);

    const mounts = await acquire(images, record, 'c1');
    expect(readFileSync(join(mounts[0]?.mountpoint ?? '', 'etc/a'), 'utf8')).toBe('lower\n');
    expect(readFileSync(join(mounts[1]?.mountpoint ?? '', `etc/${compression}`), 'utf8')).toBe('upper\n');
    await images.releaseLayers('c1');
    expect(fixture.mounts()).toEqual([]);
  });

  it('asks for a known image’s manifest only', async () => {
    await registry.push('again', 'x', someImage());
    const images = await fixture.service();
    const name = `${registry.host}/again:x`;
    const first = await images.pull(name, { signal: never() });
    const before = registry.requests().length;
    const second = await images.pull(name, { signal: never() });
    expect(second.id).toBe(first.id);
    expect(registry.requests().slice(before)).toEqual(['GET /v2/again/manifests/x']);
  });
});
