import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Fixture, never } from './testing/fixture.ts';
import { digestOf, imageOf, json, layerOf, someImage, type TestImage, tarOf } from './testing/images.ts';
import { flip, replaceConfig, replaceLayer, replaceManifest, sameLength } from './testing/mischief.ts';
import { type Mischief, Rogue } from './testing/rogue.ts';

let fixture: Fixture;
let rogue: Rogue;
let mirror: Rogue;
beforeEach(async () => {
  fixture = new Fixture();
  rogue = await Rogue.start();
  mirror = await Rogue.start();
});
afterEach(async () => {
  await rogue.stop();
  await mirror.stop();
  await fixture.dispose();
});

async function pull(
  name: string,
  options: { rateWindowMs?: number; minimumRate?: number; signal?: AbortSignal } = {},
) {
  const images = await fixture.service(options);
  return await images.pull(name, { signal: options.signal ?? never() });
}

describe('content that is not what it should be', () => {
  const cases: readonly [what: string, mischief: (image: TestImage) => Mischief, says: RegExp][] = [
    ['a manifest that is no JSON', () => replaceManifest(Buffer.from('{')), /malformed manifest/],
    ['a manifest of another kind', () => replaceManifest(Buffer.from('{"schemaVersion":1}')), /schema 1/],
    [
      'a manifest that never ends',
      () => replaceManifest(Buffer.alloc(9 << 20, ' ')),
      /more than 8388608 bytes/,
    ],
    ['a layer with other bytes', (image) => replaceLayer(image, (bytes) => flip(bytes)), /layer sha256:/],
    [
      'a layer that is too long',
      (image) => replaceLayer(image, (bytes) => Buffer.concat([bytes, bytes])),
      /where the manifest says/,
    ],
    [
      'a layer that is too short',
      (image) => replaceLayer(image, (bytes) => bytes.subarray(0, 100)),
      /100 bytes where the manifest says/,
    ],
    [
      'another layer, well-formed',
      (image) => replaceLayer(image, () => sameLength(image)),
      /its digest is|layer sha256:/,
    ],
    ['a configuration with other bytes', (image) => replaceConfig(image), /expected sha256:/],
  ];
  it.each(cases)('%s is refused, and nothing of it stays', async (_what, mischief, says) => {
    const image = someImage({ compression: 'none' });
    rogue.add('wrong', '1', image);
    rogue.mischief = mischief(image);
    const attempt = pull(`${rogue.host}/wrong:1`);
    await expect(attempt).rejects.toThrow(says);
    await expect(attempt).rejects.toThrow(`cannot pull ${rogue.host}/wrong:1`);
    await expect(attempt).rejects.toSatisfy((e) =>
      ['data-loss', 'invalid-argument'].includes((e as { code: string }).code),
    );
    expect(fixture.files()).toEqual([]);
  });

  it('a manifest other than the digest that was asked for', async () => {
    const [asked, sent] = [someImage(), someImage()];
    rogue.add('swap', '1', asked);
    rogue.set(`/v2/swap/manifests/${asked.manifest.digest}`, sent.manifest);
    const attempt = pull(`${rogue.host}/swap@${asked.manifest.digest}`);
    await expect(attempt).rejects.toMatchObject({ code: 'data-loss' });
    await expect(attempt).rejects.toThrow(asked.manifest.digest);
  });

  it('a header that contradicts the manifest', async () => {
    rogue.add('header', '1', someImage());
    rogue.mischief = (request, response, blob) => {
      if (!request.url?.includes('/manifests/') || blob === undefined) return false;
      response.writeHead(200, { 'content-type': blob.mediaType, 'docker-content-digest': digestOf('other') });
      response.end(blob.bytes);
      return true;
    };
    await expect(pull(`${rogue.host}/header:1`)).rejects.toThrow(digestOf('other'));
  });

  it('a layer whose diff ID is not the configuration’s', async () => {
    const [one, two] = [layerOf(tarOf({ a: '1' })), layerOf(tarOf({ a: '2' }))];
    rogue.add('diff', '1', imageOf([{ ...one, diffId: two.diffId }]));
    await expect(pull(`${rogue.host}/diff:1`)).rejects.toThrow(
      `its diff ID is ${one.diffId}, expected ${two.diffId}`,
    );
    expect(fixture.files()).toEqual([]);
  });

  it('a configuration with another number of layers', async () => {
    const image = someImage();
    const manifest = json(
      { ...JSON.parse(image.manifest.bytes.toString()), layers: [] },
      image.manifest.mediaType,
    );
    rogue.add('count', '1', { ...image, manifest });
    await expect(pull(`${rogue.host}/count:1`)).rejects.toThrow('0 layers, but 1 diff IDs');
  });

  it('is asked for at the next endpoint', async () => {
    const image = someImage({ compression: 'none' });
    for (const registry of [rogue, mirror]) registry.add('mixed', '1', image);
    mirror.mischief = replaceLayer(image, (bytes) => flip(bytes));
    fixture.hosts('reg.test', `server = "http://${rogue.host}"\n[host."http://${mirror.host}"]\n`);
    expect((await pull('reg.test/mixed:1')).id).toBe(image.config.digest);
    expect(rogue.paths().filter((path) => path.includes('/blobs/'))).toEqual([
      `/v2/mixed/blobs/${image.layers[0]?.digest}`,
    ]);
  });
});
