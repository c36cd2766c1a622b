// Image records and layers as another release, or a disk in trouble, leaves them: nothing of an image goes on a doubt.
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ImageRecord, ImageService } from './index.ts';
import { acquire, Fixture, never } from './testing/fixture.ts';
import { someImage, type TestImage } from './testing/images.ts';
import { TestRegistry } from './testing/registry.ts';

let registry: TestRegistry;
let fixture: Fixture;
let images: ImageService;
let image: TestImage;
let name: string;
let record: string;
let layers: string[];

beforeAll(async () => {
  registry = await TestRegistry.start();
});
afterAll(() => registry.stop());
let serial = 0;
beforeEach(async () => {
  fixture = new Fixture();
  images = await fixture.service();
  image = someImage();
  const repository = `skew/r${serial++}`;
  await registry.push(repository, '1', image);
  name = `${registry.host}/${repository}:1`;
  await pull();
  record = join(fixture.root, 'images', `${image.config.digest.slice('sha256:'.length)}.json`);
  layers = fixture.layerFiles();
});
afterEach(() => fixture.dispose());

const pull = (): Promise<ImageRecord> => images.pull(name, { signal: never() });
const stored = (): Record<string, unknown> => JSON.parse(readFileSync(record, 'utf8'));
const rewrite = (change: (whole: Record<string, unknown>) => object): void =>
  writeFileSync(record, JSON.stringify(change(stored())));
const quarantined = (): string[] => readdirSync(join(fixture.root, 'quarantine'));
/** What cannot be opened, whoever asks. */
const loop = (path: string): void => {
  rmSync(path);
  symlinkSync(path, path);
};
/** As a server that starts: users are settled, and what nobody uses goes. */
async function restart(live: ReadonlyMap<string, readonly string[]> = new Map()): Promise<void> {
  await images.close();
  images = await fixture.service();
  await images.reconcile(live);
}

describe('a record of a newer release', () => {
  const newer = (whole: Record<string, unknown>): object => ({
    ...whole,
    version: 5,
    trust: { signedBy: ['them'] },
    image: { ...(whole['image'] as object), lastUsed: 'yesterday' },
  });

  it('is read for what is known, and keeps the rest when names change', async () => {
    rewrite(newer);
    await restart();
    expect(images.find(name)?.id).toBe(image.config.digest);
    await pull();
    await registry.push('skew/another', '1', image);
    await images.pull(`${registry.host}/skew/another:1`, { signal: never() });
    expect(images.find(name)?.repoTags.length).toBe(2);
    expect(stored()).toMatchObject({
      version: 5,
      trust: { signedBy: ['them'] },
      image: { lastUsed: 'yesterday', repoTags: expect.arrayContaining([name]) },
    });
    expect(fixture.layerFiles()).toEqual(layers);
  });

  it('that is not understood stays, and so do all layers, until it is', async () => {
    const saved = stored();
    rewrite(({ version: _, image: known }) => ({
      version: 5,
      image: { ...(known as object), layers: 'elsewhere' },
    }));
    await restart();
    expect(images.find(name)).toBeUndefined();
    expect(quarantined()).toEqual([]);
    expect(fixture.layerFiles()).toEqual(layers);
    expect(JSON.stringify(fixture.log)).toContain('is of a newer release (version 5)');
    await expect(pull()).rejects.toMatchObject({
      code: 'failed-precondition',
      message: expect.stringContaining(`or remove ${record}`),
    });
    writeFileSync(record, JSON.stringify(saved));
    expect(images.find(name)?.id).toBe(image.config.digest);
  });
});

describe('a record that cannot be read now', () => {
  it.each<[string, () => void]>([
    ['ELOOP', () => loop(record)],
    [
      'EISDIR',
      () => {
        rmSync(record);
        mkdirSync(record);
      },
    ],
  ])('%s: it stays, and so do all layers, until it can be', async (code, spoil) => {
    const saved = stored();
    spoil();
    await restart();
    expect(images.find(name)).toBeUndefined();
    expect(quarantined()).toEqual([]);
    expect(fixture.layerFiles()).toEqual(layers);
    expect(JSON.stringify(fixture.log)).toContain(code);
    rmSync(record, { recursive: true });
    writeFileSync(record, JSON.stringify(saved));
    expect(images.find(name)?.id).toBe(image.config.digest);
  });

  it('of a layer: the image stays, and is there again when the record is', async () => {
    const [file = ''] = layers;
    const path = join(fixture.root, file.replace(/erofs$/, 'json'));
    const saved = readFileSync(path);
    loop(path);
    await restart();
    expect(quarantined()).toEqual([]);
    expect(fixture.layerFiles()).toEqual(layers);
    rmSync(path);
    writeFileSync(path, saved);
    expect(images.find(name)?.id).toBe(image.config.digest);
  });

  it('of who uses which layers: none is unmounted, none goes', async () => {
    const [known] = images.list();
    if (known === undefined) throw new Error('there is no image');
    await acquire(images, known, 'c1');
    const mounts = fixture.mounts();
    expect(mounts.length).toBeGreaterThan(0);
    const path = join(fixture.state, 'layer-users', 'c1.json');
    const saved = readFileSync(path);
    loop(path);
    rmSync(record);
    await restart(new Map([['c1', [image.config.digest]]]));
    expect(fixture.mounts()).toEqual(mounts);
    expect(fixture.layerFiles()).toEqual(layers);
    rmSync(path);
    writeFileSync(path, saved);
    await images.releaseLayers('c1');
    expect(fixture.mounts()).toEqual([]);
  });
});

it('a torn record goes to quarantine, and its layers with it', async () => {
  truncateSync(record, 40);
  await restart();
  expect(images.list()).toEqual([]);
  expect(quarantined().join()).toContain(image.config.digest.slice('sha256:'.length));
  expect(fixture.layerFiles()).toEqual([]);
});
