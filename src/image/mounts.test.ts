import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ImageRecord, ImageService } from './index.ts';
import { acquire, Fixture, never } from './testing/fixture.ts';
import { imageOf, layerOf, someImage, type TestImage, tarOf } from './testing/images.ts';
import { TestRegistry } from './testing/registry.ts';

let registry: TestRegistry;
let fixture: Fixture;
let images: ImageService;
beforeAll(async () => {
  registry = await TestRegistry.start();
});
afterAll(() => registry.stop());
beforeEach(async () => {
  fixture = new Fixture();
  images = await fixture.service();
});
afterEach(() => fixture.dispose());

let serial = 0;
const pull = (name: string): Promise<ImageRecord> => images.pull(name, { signal: never() });
async function pushed(
  image: TestImage = someImage(),
): Promise<{ image: TestImage; repository: string; name: string }> {
  const repository = `images/r${serial++}`;
  await registry.push(repository, '1', image);
  return { image, repository, name: `${registry.host}/${repository}` };
}

describe('mounts', () => {
  it('are made once for all containers, and go with the last one', async () => {
    const { name } = await pushed();
    const record = await pull(`${name}:1`);
    const all = await Promise.all(['a', 'b', 'c'].map((id) => acquire(images, record, id)));
    expect(new Set(all.map(([mount]) => mount?.mountpoint)).size).toBe(1);
    expect(fixture.mounts()).toHaveLength(1);
    await images.releaseLayers('a');
    await images.releaseLayers('a');
    await images.releaseLayers('b');
    expect(fixture.mounts()).toHaveLength(1);
    await images.releaseLayers('c');
    expect(fixture.mounts()).toEqual([]);
    expect(readdirSync(join(fixture.state, 'layers'))).toEqual([]);
  });

  it('stay for a moment, so that a restarted container finds them', async () => {
    const patient = await fixture.service({ graceMs: 300 });
    const { name } = await pushed();
    const record = await pull(`${name}:1`);
    await acquire(patient, record, 'a');
    await patient.releaseLayers('a');
    expect(fixture.mounts()).toHaveLength(1);
    await acquire(patient, record, 'b');
    await sleep(500);
    expect(fixture.mounts()).toHaveLength(1);
    await patient.releaseLayers('b');
    await sleep(600);
    expect(fixture.mounts()).toEqual([]);
  });

  it('are read-only, and hidden from nobody but users', async () => {
    const { name } = await pushed();
    const [mount] = await acquire(images, await pull(`${name}:1`), 'a');
    expect(() => writeFileSync(join(mount?.mountpoint ?? '', 'x'), '')).toThrow('EROFS');
    await images.releaseLayers('a');
  });

  it('after a restart are those of living containers only', async () => {
    const [kept, gone] = [await pushed(), await pushed()];
    const [keptImage, goneImage] = [await pull(`${kept.name}:1`), await pull(`${gone.name}:1`)];
    await acquire(images, keptImage, 'kept');
    await acquire(images, goneImage, 'gone');
    await sleep(20);
    const restarted = await fixture.service();
    await restarted.reconcile(new Map([['kept', [keptImage.id]]]));
    expect(fixture.mounts()).toEqual([join(fixture.state, 'layers', keptImage.layers[0]?.key ?? '')]);
    expect(restarted.list()).toHaveLength(2);
    await restarted.releaseLayers('kept');
    expect(fixture.mounts()).toEqual([]);
  });

  it('that another process took while we started are left alone', async () => {
    const { name } = await pushed();
    const record = await pull(`${name}:1`);
    const restarted = await fixture.service();
    await sleep(20);
    await acquire(images, record, 'theirs');
    await restarted.reconcile(new Map());
    expect(fixture.mounts()).toHaveLength(1);
    await images.releaseLayers('theirs');
  });
});

describe('damage', () => {
  const layerFile = (record: ImageRecord): string =>
    join(fixture.root, 'layers', `${record.layers[0]?.key}.erofs`);

  it('to a layer’s content is found when it is mounted; the image goes, and a pull heals it', async () => {
    const { name } = await pushed();
    const record = await pull(`${name}:1`);
    const file = await open(layerFile(record), 'r+');
    await file.write(Buffer.from('damage'), 0, 6, 4200);
    await file.close();
    expect(await images.verify(record.id)).toEqual([expect.stringContaining('is damaged')]);
    await expect(acquire(images, record, 'a')).rejects.toMatchObject({ code: 'data-loss' });
    expect(images.list()).toEqual([]);
    expect(images.find(record.id)).toBeUndefined();
    expect(fixture.mounts()).toEqual([]);
    const healed = await pull(`${name}:1`);
    expect(healed.id).toBe(record.id);
    expect(await images.verify(record.id)).toEqual([]);
    await acquire(images, healed, 'a');
    await images.releaseLayers('a');
  });

  it('to one layer leaves none of the others mounted', async () => {
    const { name } = await pushed(
      imageOf(['1', '2', '3'].map((n) => layerOf(tarOf({ [n]: `${n} `.repeat(3000) })))),
    );
    const record = await pull(`${name}:1`);
    const file = await open(join(fixture.root, 'layers', `${record.layers[1]?.key}.erofs`), 'r+');
    await file.write(Buffer.from('damage'), 0, 6, 4200);
    await file.close();
    await expect(acquire(images, record, 'a')).rejects.toMatchObject({ code: 'data-loss' });
    expect(fixture.mounts()).toEqual([]);
    expect(readdirSync(join(fixture.state, 'layer-users'))).toEqual([]);
  });

  it.each<[string, (file: string) => void]>([
    ['missing', (file) => rmSync(file)],
    ['short', (file) => truncateSync(file, 100)],
    ['empty', (file) => truncateSync(file, 0)],
  ])('a %s layer file hides the image after a restart, and a pull heals it', async (_what, damage) => {
    const { name } = await pushed();
    const record = await pull(`${name}:1`);
    damage(layerFile(record));
    images = await fixture.service();
    expect(images.list()).toEqual([]);
    expect(fixture.log.some(({ msg }) => String(msg).includes('lost layers'))).toBe(true);
    expect((await pull(`${name}:1`)).repoTags).toEqual([`${name}:1`]);
    expect(await images.verify(record.id)).toEqual([]);
  });

  it('to a record sets it aside, and leaves the others', async () => {
    const [good, bad] = [await pushed(), await pushed()];
    await pull(`${good.name}:1`);
    const record = await pull(`${bad.name}:1`);
    const file = `${record.id.slice(7)}.json`;
    writeFileSync(join(fixture.root, 'images', file), '');
    images = await fixture.service();
    expect(images.list()).toMatchObject([{ repoTags: [`${good.name}:1`] }]);
    expect(fixture.files()).toContain(`quarantine/image-${file}`);
    expect(fixture.log.some(({ record: named }) => String(named).endsWith(file))).toBe(true);
    await images.reconcile(new Map());
    expect(fixture.layerFiles()).toHaveLength(1);
  });

  it('to the documents is found by verify', async () => {
    const { name } = await pushed();
    const record = await pull(`${name}:1`);
    const path = join(fixture.root, 'images', `${record.id.slice(7)}.json`);
    const stored = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    writeFileSync(
      path,
      JSON.stringify({
        ...stored,
        config: Buffer.from('{}').toString('base64'),
        manifest: Buffer.from('{}').toString('base64'),
      }),
    );
    const problems = await images.verify(record.id);
    expect(problems).toEqual([expect.stringContaining('configuration'), expect.stringContaining('manifest')]);
  });
});
