import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ImageRecord, ImageService } from './index.ts';
import { Fixture, never } from './testing/fixture.ts';
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
    const [mount] = await images.acquireLayers(record, 'c1');
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

describe('mounts', () => {
  it('are made once for all containers, and go with the last one', async () => {
    const { name } = await pushed();
    const record = await pull(`${name}:1`);
    const all = await Promise.all(['a', 'b', 'c'].map((id) => images.acquireLayers(record, id)));
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
    await patient.acquireLayers(record, 'a');
    await patient.releaseLayers('a');
    expect(fixture.mounts()).toHaveLength(1);
    await patient.acquireLayers(record, 'b');
    await sleep(500);
    expect(fixture.mounts()).toHaveLength(1);
    await patient.releaseLayers('b');
    await sleep(600);
    expect(fixture.mounts()).toEqual([]);
  });

  it('are read-only, and hidden from nobody but users', async () => {
    const { name } = await pushed();
    const [mount] = await images.acquireLayers(await pull(`${name}:1`), 'a');
    expect(() => writeFileSync(join(mount?.mountpoint ?? '', 'x'), '')).toThrow('EROFS');
    await images.releaseLayers('a');
  });

  it('after a restart are those of living containers only', async () => {
    const [kept, gone] = [await pushed(), await pushed()];
    const [keptImage, goneImage] = [await pull(`${kept.name}:1`), await pull(`${gone.name}:1`)];
    await images.acquireLayers(keptImage, 'kept');
    await images.acquireLayers(goneImage, 'gone');
    await sleep(20);
    const restarted = await fixture.service();
    await restarted.reconcile(new Map([['kept', keptImage.id]]));
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
    await images.acquireLayers(record, 'theirs');
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
    await expect(images.acquireLayers(record, 'a')).rejects.toMatchObject({ code: 'data-loss' });
    expect(images.list()).toEqual([]);
    expect(images.find(record.id)).toBeUndefined();
    expect(fixture.mounts()).toEqual([]);
    const healed = await pull(`${name}:1`);
    expect(healed.id).toBe(record.id);
    expect(await images.verify(record.id)).toEqual([]);
    await images.acquireLayers(healed, 'a');
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
    await expect(images.acquireLayers(record, 'a')).rejects.toMatchObject({ code: 'data-loss' });
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
  const mounts = await images.acquireLayers(record, 'a');
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
  expect(await images.acquireLayers(record, 'a')).toEqual([]);
  await images.releaseLayers('a');
});
