import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Fixture, never } from './testing/fixture.ts';
import { bigImage, isLayer } from './testing/mischief.ts';
import { Rogue } from './testing/rogue.ts';

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

describe('a transfer that breaks', () => {
  it('is resumed where it broke, and the layer is whole', async () => {
    const image = bigImage();
    rogue.add('broken', '1', image);
    let left = 3;
    rogue.mischief = (request, response, blob) => {
      if (!isLayer(image, request.url) || blob === undefined || left-- <= 0) return false;
      const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
      const rest = blob.bytes.subarray(from);
      const range = { 'content-range': `bytes ${from}-${blob.bytes.length - 1}/${blob.bytes.length}` };
      const etag = { etag: '"v1"' };
      response.writeHead(from > 0 ? 206 : 200, {
        'content-length': rest.length,
        ...etag,
        ...(from > 0 ? range : {}),
      });
      response.write(rest.subarray(0, 500_000), () => setTimeout(() => response.destroy(), 20));
      return true;
    };
    expect((await pull(`${rogue.host}/broken:1`)).id).toBe(image.config.digest);
    const asked = rogue.requests.filter(({ path }) => isLayer(image, path));
    expect(asked).toHaveLength(4);
    const ranges = asked.map(({ headers }) => Number(/bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0));
    expect(ranges).toEqual([...ranges].sort((a, b) => a - b));
    expect(ranges[3]).toBeGreaterThan(1_000_000);
    expect(asked.slice(1).map(({ headers }) => headers['if-range'])).toEqual(['"v1"', '"v1"', '"v1"']);
  });

  it('is resumed from a server that knows no ranges', async () => {
    const image = bigImage();
    rogue.add('norange', '1', image);
    let left = 1;
    rogue.mischief = (request, response, blob) => {
      if (!isLayer(image, request.url) || blob === undefined) return false;
      response.writeHead(200, { 'content-length': blob.bytes.length });
      if (left-- > 0)
        response.write(blob.bytes.subarray(0, 1_000_000), () => setTimeout(() => response.destroy(), 20));
      else response.end(blob.bytes);
      return true;
    };
    expect((await pull(`${rogue.host}/norange:1`)).id).toBe(image.config.digest);
  });

  it('that stalls is given up and resumed', async () => {
    const image = bigImage();
    rogue.add('stalls', '1', image);
    let left = 1;
    rogue.mischief = (request, response, blob) => {
      if (!isLayer(image, request.url) || blob === undefined || left-- <= 0) return false;
      response.writeHead(200, { 'content-length': blob.bytes.length });
      response.write(blob.bytes.subarray(0, 2_000_000));
      return true;
    };
    const started = performance.now();
    expect((await pull(`${rogue.host}/stalls:1`, { rateWindowMs: 300 })).id).toBe(image.config.digest);
    expect(performance.now() - started).toBeGreaterThan(300);
    expect(fixture.log.some(({ why }) => String(why).includes('below 1024 bytes/s'))).toBe(true);
  });

  it('again and again fails with RegistryUnavailable, naming image, layer and place', async () => {
    const image = bigImage();
    rogue.add('dead', '1', image);
    rogue.mischief = (request, response, blob) => {
      if (!isLayer(image, request.url) || blob === undefined) return false;
      response.writeHead(200, { 'content-length': blob.bytes.length });
      response.write(blob.bytes.subarray(0, 1000), () => setTimeout(() => response.destroy(), 5));
      return true;
    };
    const attempt = pull(`${rogue.host}/dead:1`);
    await expect(attempt).rejects.toMatchObject({ code: 'unknown' });
    await expect(attempt).rejects.toThrow(
      `RegistryUnavailable: cannot pull ${rogue.host}/dead:1: layer ${image.layers[0]?.digest}`,
    );
    await expect(attempt).rejects.toThrow('6 times in a row');
    expect(fixture.files()).toEqual([]);
  });
});
