import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ImageService } from './index.ts';
import { acquire, Fixture, never } from './testing/fixture.ts';
import {
  type Blob,
  type Compression,
  descriptorOf,
  imageOf,
  indexOf,
  layerOf,
  someImage,
  type TestImage,
  tarOf,
} from './testing/images.ts';

let fixture: Fixture;
let images: ImageService;
beforeEach(async () => {
  fixture = new Fixture();
  images = await fixture.service();
});
afterEach(() => fixture.dispose());

const load = (file: string) => images.importArchive(file, never());

/** A tar of these files; a value `{ link }` is a symbolic link. */
function archive(
  files: Readonly<Record<string, Buffer | string | { link: string }>>,
  order?: string[],
): string {
  const directory = join(fixture.directory, `archive-${Math.random().toString(36).slice(2)}`);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    if (typeof content === 'object' && 'link' in content) symlinkSync(content.link, join(directory, path));
    else writeFileSync(join(directory, path), content);
  }
  execFileSync('tar', ['-C', directory, '-cf', `${directory}.tar`, ...(order ?? ['.'])]);
  return `${directory}.tar`;
}

const blobPath = ({ digest }: Blob): string => `blobs/${digest.replace(':', '/')}`;
const blobsOf = (image: TestImage): Record<string, Buffer> =>
  Object.fromEntries(
    [image.manifest, image.config, ...image.layers].map((blob) => [blobPath(blob), blob.bytes]),
  );
const layout = (manifests: object[], blobs: Record<string, Buffer>): Record<string, Buffer | string> => ({
  'oci-layout': '{"imageLayoutVersion":"1.0.0"}',
  'index.json': JSON.stringify({ schemaVersion: 2, manifests }),
  ...blobs,
});
const named = (image: TestImage, name: string, annotation = 'org.opencontainers.image.ref.name') =>
  descriptorOf(image.manifest, { annotations: { [annotation]: name } });

describe('an OCI layout', () => {
  it.each<Compression>(['none', 'gzip', 'zstd'])('with %s layers', async (compression) => {
    const image = imageOf([
      layerOf(tarOf({ a: 'lower' }), compression),
      layerOf(tarOf({ b: 'upper' }), compression),
    ]);
    const [record] = await load(archive(layout([named(image, 'localhost/app:1')], blobsOf(image))));
    expect(record).toMatchObject({
      id: image.config.digest,
      repoTags: ['localhost/app:1'],
      repoDigests: [`localhost/app@${image.manifest.digest}`],
    });
    expect(await images.verify(image.config.digest)).toEqual([]);
    if (record === undefined) throw new Error('no record');
    const mounts = await acquire(images, record, 'c');
    expect(readFileSync(join(mounts[1]?.mountpoint ?? '', 'b'), 'utf8')).toBe('upper');
    await images.releaseLayers('c');
  });

  it('with several images, containerd’s names, and an index for several platforms', async () => {
    const [a, b, foreign] = [someImage(), someImage(), someImage({ architecture: 's390x' })];
    const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
    const index = indexOf([
      { image: foreign.manifest, platform: { os: 'linux', architecture: 's390x' } },
      { image: b.manifest, platform: { os: 'linux', architecture } },
    ]);
    const entries = [
      named(a, 'docker.io/library/a:1', 'io.containerd.image.name'),
      descriptorOf(index, { annotations: { 'org.opencontainers.image.ref.name': 'b:2' } }),
    ];
    const records = await load(
      archive(layout(entries, { ...blobsOf(a), ...blobsOf(b), [blobPath(index)]: index.bytes })),
    );
    expect(records.map(({ id, repoTags }) => [id, repoTags])).toEqual([
      [a.config.digest, ['docker.io/library/a:1']],
      [b.config.digest, ['docker.io/library/b:2']],
    ]);
    expect(records[1]?.repoDigests).toEqual([`docker.io/library/b@${index.digest}`]);
  });

  it('without a usable name is known by its ID', async () => {
    const image = someImage();
    const [record] = await load(archive(layout([named(image, 'latest')], blobsOf(image))));
    expect(record).toMatchObject({ repoTags: [], repoDigests: [] });
    expect(images.find(image.config.digest)).toBeDefined();
    await images.remove(image.config.digest);
    expect(fixture.files()).toEqual([]);
  });

  it('shares layers with what is here', async () => {
    const tar = tarOf({ shared: 'x' });
    const [a, b] = [
      imageOf([layerOf(tar, 'gzip')], { config: { Cmd: ['a'] } }),
      imageOf([layerOf(tar, 'none')], { config: { Cmd: ['b'] } }),
    ];
    await load(archive(layout([named(a, 'localhost/a:1')], blobsOf(a))));
    await load(archive(layout([named(b, 'localhost/b:1')], blobsOf(b))));
    expect(fixture.layerFiles()).toHaveLength(1);
  });
});

describe('a docker archive', () => {
  const save = (image: TestImage, tags: string[] | null): Record<string, Buffer | string> => ({
    [`${image.config.digest.slice(7)}.json`]: image.config.bytes,
    ...Object.fromEntries(image.layers.map((layer, i) => [`layer${i}/layer.tar`, layer.bytes])),
    'manifest.json': JSON.stringify([
      {
        Config: `${image.config.digest.slice(7)}.json`,
        RepoTags: tags,
        Layers: image.layers.map((_layer, i) => `layer${i}/layer.tar`),
      },
    ]),
  });

  it('with its tags', async () => {
    const image = imageOf([layerOf(tarOf({ a: '1' }), 'none'), layerOf(tarOf({ b: '2' }), 'none')]);
    const [record] = await load(archive(save(image, ['busybox:1', 'reg.test/x:2'])));
    expect(record).toMatchObject({
      id: image.config.digest,
      repoTags: ['docker.io/library/busybox:1', 'reg.test/x:2'],
      repoDigests: [],
    });
    expect(await images.verify(image.config.digest)).toEqual([]);
  });

  it('with its index first, or last, and layers that are links', async () => {
    const image = imageOf([layerOf(tarOf({ a: '1' }), 'none')]);
    const { 'layer0/layer.tar': layer = '', ...rest } = save(image, null);
    const files = { ...rest, 'blob/layer.tar': layer, 'layer0/layer.tar': { link: '../blob/layer.tar' } };
    for (const order of [
      ['manifest.json', 'layer0', 'blob', `${image.config.digest.slice(7)}.json`],
      ['layer0', 'blob', `${image.config.digest.slice(7)}.json`, 'manifest.json'],
    ]) {
      expect((await load(archive(files, order)))[0]?.id).toBe(image.config.digest);
      await images.remove(image.config.digest);
    }
  });

  it('that is an OCI layout too has the tags of both', async () => {
    const image = someImage({ compression: 'none' });
    const files = {
      ...save(image, ['app:docker']),
      ...layout([named(image, 'localhost/app:oci')], blobsOf(image)),
    };
    expect((await load(archive(files)))[0]?.repoTags).toEqual([
      'docker.io/library/app:docker',
      'localhost/app:oci',
    ]);
  });
});

describe('what is none', () => {
  const image = someImage();
  const good = () => layout([named(image, 'localhost/x:1')], blobsOf(image));
  const without = (path: string) =>
    Object.fromEntries(Object.entries(good()).filter(([key]) => key !== path));
  const layer = blobPath(image.layers[0] ?? image.config);

  it.each<[string, () => string, string]>([
    ['no tar', () => writeFile('plain', 'x'.repeat(2000)), 'no readable tar'],
    ['an empty tar', () => archive({ other: 'x' }), 'neither an OCI layout'],
    ['a compressed archive', () => writeFile('z.gz', gzipSync('x')), 'uncompress it first (gunzip)'],
    ['a missing file', () => '/nowhere/x.tar', '/nowhere/x.tar'],
    ['a missing layer', () => archive(without(layer)), 'is missing'],
    ['a missing configuration', () => archive(without(blobPath(image.config))), 'is missing'],
    [
      'a layer with other bytes',
      () => archive({ ...good(), [layer]: Buffer.alloc(image.layers[0]?.bytes.length ?? 0) }),
      layer,
    ],
    [
      'a layer of another size',
      () => archive({ ...good(), [layer]: gzipSync(tarOf({ z: 'z' })) }),
      'bytes where its descriptor says',
    ],
    [
      'a configuration with other bytes',
      () => archive({ ...good(), [blobPath(image.config)]: '{}' }),
      'expected sha256:',
    ],
    ['a manifest.json that is none', () => archive({ 'manifest.json': '{}' }), 'no list'],
    [
      'a docker layer that is not there',
      () => archive({ 'manifest.json': '[{"Config":"c","Layers":[]}]' }),
      'configuration c is missing',
    ],
  ])('%s is refused, and nothing of it stays', async (_what, make, says) => {
    await expect(load(make())).rejects.toThrow(says);
    expect(fixture.files()).toEqual([]);
  });

  it('an archive that is cut off is refused', async () => {
    const whole = readFileSync(archive(good()));
    await expect(load(writeFile('cut.tar', whole.subarray(0, whole.length - 12_000)))).rejects.toThrow(
      'cut.tar',
    );
    expect(fixture.files()).toEqual([]);
  });

  function writeFile(name: string, content: Buffer | string): string {
    writeFileSync(join(fixture.directory, name), content);
    return join(fixture.directory, name);
  }
});
