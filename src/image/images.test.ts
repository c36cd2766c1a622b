import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ImageRecord, ImageService } from './index.ts';
import { acquire, Fixture, never } from './testing/fixture.ts';
import { imageOf, indexOf, layerOf, someImage, type TestImage, tarOf } from './testing/images.ts';
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

describe('names', () => {
  it('find an image by tag, digest, ID and its beginning', async () => {
    const { image, name } = await pushed();
    const record = await pull(`${name}:1`);
    const hex = image.config.digest.slice('sha256:'.length);
    for (const reference of [
      `${name}:1`,
      `${name}@${image.manifest.digest}`,
      image.config.digest,
      hex,
      hex.slice(0, 12),
      `sha256:${hex.slice(0, 12)}`,
    ]) {
      expect(images.find(reference), reference).toEqual(record);
    }
    for (const reference of [`${name}:2`, name, '', 'UPPER', `sha256:${'0'.repeat(64)}`])
      expect(images.find(reference), reference).toBeUndefined();
  });

  it('of one image in many repositories and tags add up', async () => {
    const { image, name, repository } = await pushed();
    await registry.pushManifest(repository, '2', image.manifest);
    for (const tag of ['1', '2']) await pull(`${name}:${tag}`);
    expect(images.list()).toMatchObject([
      { repoTags: [`${name}:1`, `${name}:2`], repoDigests: [`${name}@${image.manifest.digest}`] },
    ]);
  });

  it('a tag that moved leaves its old image with the digest', async () => {
    const { image: old, name, repository } = await pushed();
    await pull(`${name}:1`);
    const fresh = someImage();
    await registry.push(repository, '1', fresh);
    expect((await pull(`${name}:1`)).id).toBe(fresh.config.digest);
    expect(images.find(old.config.digest)).toMatchObject({
      repoTags: [],
      repoDigests: [`${name}@${old.manifest.digest}`],
    });
    expect(images.find(`${name}:1`)?.id).toBe(fresh.config.digest);
  });

  it('a pull by digest makes no tag', async () => {
    const { image, name } = await pushed();
    expect(await pull(`${name}@${image.manifest.digest}`)).toMatchObject({
      repoTags: [],
      repoDigests: [`${name}@${image.manifest.digest}`],
    });
    expect((await pull(`${name}:ignored@${image.manifest.digest}`)).repoTags).toEqual([]);
  });

  it('an index gives the digest that was asked for, and this machine’s image', async () => {
    const [ours, foreign] = [someImage(), someImage({ architecture: 's390x' })];
    const { repository, name } = await pushed(ours);
    await registry.push(repository, 'foreign', foreign);
    const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
    const index = indexOf([
      { image: foreign.manifest, platform: { os: 'linux', architecture: 's390x' } },
      { image: ours.manifest, platform: { os: 'linux', architecture } },
    ]);
    await registry.pushManifest(repository, 'multi', index);
    const record = await pull(`${name}:multi`);
    expect(record).toMatchObject({ id: ours.config.digest, repoDigests: [`${name}@${index.digest}`] });
    const outer = indexOf([{ image: index }]);
    await registry.pushManifest(repository, 'nested', outer);
    expect((await pull(`${name}:nested`)).id).toBe(ours.config.digest);
    await registry.pushManifest(
      repository,
      'other',
      indexOf([{ image: foreign.manifest, platform: { os: 'linux', architecture: 's390x' } }]),
    );
    await expect(pull(`${name}:other`)).rejects.toThrow(
      `no image for linux/${architecture}; it offers linux/s390x`,
    );
  });
});

describe('removal', () => {
  it('by tag takes the image with its last tag, and its layers', async () => {
    const { image, name, repository } = await pushed();
    await registry.pushManifest(repository, '2', image.manifest);
    for (const tag of ['1', '2']) await pull(`${name}:${tag}`);
    await images.remove(`${name}:1`);
    expect(images.list()).toMatchObject([{ repoTags: [`${name}:2`] }]);
    await images.remove(`${name}:2`);
    expect(images.list()).toEqual([]);
    expect(fixture.files()).toEqual([]);
    await images.remove(`${name}:2`);
  });

  it('by ID takes all names at once', async () => {
    const { image, name, repository } = await pushed();
    await registry.pushManifest(repository, '2', image.manifest);
    for (const tag of ['1', '2']) await pull(`${name}:${tag}`);
    await images.remove(image.config.digest.slice(7, 20));
    expect(fixture.files()).toEqual([]);
  });

  it('leaves layers that another image has', async () => {
    const common = layerOf(tarOf({ common: 'c' }));
    const [a, b] = [
      imageOf([common, layerOf(tarOf({ a: '1' }))]),
      imageOf([common, layerOf(tarOf({ b: '1' }))]),
    ];
    const [first, second] = [await pushed(a), await pushed(b)];
    await pull(`${first.name}:1`);
    await pull(`${second.name}:1`);
    expect(fixture.layerFiles()).toHaveLength(3);
    await images.remove(`${first.name}:1`);
    expect(fixture.layerFiles()).toHaveLength(2);
    expect(await images.verify(b.config.digest)).toEqual([]);
  });

  it('of an image in use leaves its layers until the container is gone', async () => {
    const { name } = await pushed(someImage({ files: { used: 'yes' } }));
    const record = await pull(`${name}:1`);
    const [mount] = await acquire(images, record, 'c1');
    await images.remove(record.id);
    expect(images.list()).toEqual([]);
    expect(readFileSync(join(mount?.mountpoint ?? '', 'used'), 'utf8')).toBe('yes');
    expect(fixture.layerFiles()).toHaveLength(1);
    await images.releaseLayers('c1');
    expect(fixture.mounts()).toEqual([]);
    await images.collectGarbage();
    expect(fixture.files()).toEqual([]);
  });
});

describe('usage', () => {
  it('counts bytes and inodes of the layers, and follows removals', async () => {
    const { name } = await pushed(someImage({ files: { big: Buffer.alloc(3 << 20, 'x') } }));
    const before = await images.usage();
    await pull(`${name}:1`);
    const with1 = await images.usage();
    expect(with1.usedBytes - before.usedBytes).toBeGreaterThan(3 << 20);
    expect(with1.inodesUsed).toBe(before.inodesUsed + 2);
    expect(with1.mountpoint).toBe(join(fixture.root, 'layers'));
    const kib = execFileSync('du', [
      '-s',
      '--block-size=1',
      '--total',
      join(fixture.root, 'layers'),
    ]).toString();
    expect(Math.abs(with1.usedBytes - Number(kib.split('\t')[0]))).toBeLessThan(16 << 10);
    await images.remove(`${name}:1`);
    expect((await images.usage()).usedBytes).toBe(before.usedBytes);
  });
});

it('gives back the documents byte for byte', async () => {
  const { image, name } = await pushed();
  const record = await pull(`${name}:1`);
  expect(images.documents(record.id)).toEqual({ manifest: image.manifest.bytes, config: image.config.bytes });
  expect(images.documents(`sha256:${'0'.repeat(64)}`)).toBeUndefined();
});

it('gives a directory back what its lower layers said, when an upper one does not name it', async () => {
  const root = join(fixture.directory, 'tree');
  mkdirSync(join(root, 'tmp'), { recursive: true });
  chmodSync(join(root, 'tmp'), 0o1777);
  writeFileSync(join(root, 'tmp/x'), 'x');
  const members = (...names: string[]): Buffer =>
    execFileSync('tar', ['-C', root, '--no-recursion', '-cf', '-', ...names]);
  const image = imageOf([layerOf(members('.', 'tmp')), layerOf(members('tmp/x'))]);
  const { name } = await pushed(image);
  const record = await pull(`${name}:1`);
  expect(record.layers).toHaveLength(3);
  const mounts = await acquire(images, record, 'a');
  expect(statSync(join(mounts[2]?.mountpoint ?? '', 'tmp')).mode & 0o7777).toBe(0o1777);
  await images.releaseLayers('a');
  expect(await images.verify(record.id)).toEqual([]);
  await images.remove(record.id);
  expect(fixture.files()).toEqual([]);
});

it('leaves out what a layer hides altogether', async () => {
  const image = imageOf([layerOf(tarOf({ old: '1' })), layerOf(tarOf({ '.wh..wh..opq': '', fresh: '2' }))]);
  const { name } = await pushed(image);
  const record = await pull(`${name}:1`);
  expect(record.layers.map(({ diffId }) => diffId)).toEqual([image.layers[1]?.diffId]);
});

it('takes an image without any layer', async () => {
  const { name } = await pushed(imageOf([]));
  const record = await pull(`${name}:1`);
  expect(record.layers).toEqual([]);
  expect(await acquire(images, record, 'a')).toEqual([]);
  await images.releaseLayers('a');
});
