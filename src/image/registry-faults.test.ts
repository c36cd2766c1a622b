import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Fixture, never } from './testing/fixture.ts';
import { digestOf, imageOf, json, layerOf, someImage, type TestImage, tarOf } from './testing/images.ts';
import { type Mischief, Rogue, sendHonestly } from './testing/rogue.ts';

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
  fixture.dispose();
});

const isLayer = (image: TestImage, url: string | undefined): boolean =>
  url?.includes(image.layers[0]?.digest ?? '-') ?? false;
/** Three MiB that do not compress. */
const bigImage = (): TestImage => imageOf([layerOf(tarOf({ noise: randomBytes(3 << 20) }))]);

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

describe('a layer that the converter reads from the socket itself', () => {
  const direct = async (image: TestImage, mischief?: Mischief) => {
    rogue.add('direct', '1', image);
    if (mischief) rogue.mischief = mischief;
    const images = await fixture.service({ direct: true, rateWindowMs: 300 });
    const record = await images.pull(`${rogue.host}/direct:1`, { signal: never() });
    expect(await images.verify(record.id)).toEqual([]);
    return rogue.requests.filter(({ path }) => isLayer(image, path));
  };

  it('is the same as any other', async () => {
    const asked = await direct(bigImage());
    expect(asked).toHaveLength(1);
    expect(asked[0]?.headers).toMatchObject({ connection: 'close', 'accept-encoding': 'identity' });
  });

  it.each<[string, (image: TestImage) => Mischief]>([
    [
      'breaks off',
      (image) =>
        once(image, (response, bytes) => {
          response.writeHead(200, { 'content-length': bytes.length });
          response.write(bytes.subarray(0, 1_000_000), () => setTimeout(() => response.destroy(), 20));
        }),
    ],
    [
      'stalls',
      (image) =>
        once(image, (response, bytes) => {
          response.writeHead(200, { 'content-length': bytes.length });
          response.write(bytes.subarray(0, 1_000_000));
        }),
    ],
    [
      'does not end',
      (image) =>
        once(image, (response, bytes) => {
          response.socket?.write(`HTTP/1.1 200 OK\r\ncontent-length: ${bytes.length}\r\n\r\n`);
          response.socket?.write(bytes);
        }),
    ],
    ['has other bytes', (image) => once(image, (response, bytes) => response.end(flip(bytes)))],
    ['has another length', (image) => once(image, (response, bytes) => response.end(bytes.subarray(1)))],
    ['comes in chunks', (image) => once(image, (response, bytes) => response.writeHead(200).end(bytes))],
    [
      'is elsewhere',
      (image) => once(image, (response) => response.writeHead(307, { location: '/nowhere' }).end()),
    ],
    ['wants credentials', (image) => once(image, (response) => response.writeHead(401).end())],
    ['is not answered at all', (image) => once(image, (response) => response.destroy())],
  ])('comes the ordinary way when it %s', async (_what, mischief) => {
    const image = bigImage();
    expect(await direct(image, mischief(image))).toHaveLength(2);
  });

  /** Misbehaves for the first request of the layer. */
  function once(image: TestImage, misbehave: (response: ServerResponse, bytes: Buffer) => void): Mischief {
    let left = 1;
    return (request, response, blob) => {
      if (!isLayer(image, request.url) || blob === undefined || left-- <= 0) return false;
      misbehave(response, blob.bytes);
      return true;
    };
  }
});

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

describe('a registry that is not well', () => {
  it('that wants patience gets it', async () => {
    const image = someImage();
    rogue.add('busy', '1', image);
    let left = 2;
    const times: number[] = [];
    rogue.mischief = (_request, response) => {
      times.push(performance.now());
      if (left-- <= 0) return false;
      response.writeHead(429, { 'retry-after': '1' }).end();
      return true;
    };
    await pull(`${rogue.host}/busy:1`);
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(950);
  });

  it('that goes on failing is RegistryUnavailable', async () => {
    rogue.mischief = (_request, response) => {
      response.writeHead(503).end('{"errors":[{"code":"UNAVAILABLE","message":"try later"}]}');
      return true;
    };
    const attempt = pull(`${rogue.host}/x:1`);
    await expect(attempt).rejects.toMatchObject({ code: 'unknown' });
    await expect(attempt).rejects.toThrow(/^RegistryUnavailable: .*503 \(UNAVAILABLE: try later\)/);
    expect(rogue.requests).toHaveLength(5);
  });

  it('that is not there is RegistryUnavailable, at once', async () => {
    const { host } = rogue;
    await rogue.stop();
    const started = performance.now();
    await expect(pull(`${host}/x:1`)).rejects.toThrow(/^RegistryUnavailable: cannot pull .*ECONNREFUSED/);
    expect(performance.now() - started).toBeLessThan(2000);
    rogue = await Rogue.start();
  });

  it('that does not know the image says so', async () => {
    const attempt = pull(`${rogue.host}/none:1`);
    await expect(attempt).rejects.toMatchObject({ code: 'not-found' });
    await expect(attempt).rejects.toThrow(`${rogue.host}/none:1: not found`);
  });

  it('that sends in circles is left', async () => {
    rogue.mischief = (request, response) => {
      response.writeHead(307, { location: request.url ?? '' }).end();
      return true;
    };
    await expect(pull(`${rogue.host}/circle:1`)).rejects.toThrow('more than 10 redirects');
  });

  it('is left as soon as the caller goes away', async () => {
    const image = bigImage();
    rogue.add('slow', '1', image);
    const caller = new AbortController();
    rogue.mischief = (request, response, blob) => {
      if (!isLayer(image, request.url) || blob === undefined) return false;
      response.writeHead(200, { 'content-length': blob.bytes.length });
      response.write(blob.bytes.subarray(0, 1_000_000), () => caller.abort());
      return true;
    };
    await expect(pull(`${rogue.host}/slow:1`, { signal: caller.signal })).rejects.toMatchObject({
      code: 'cancelled',
    });
    expect(fixture.files()).toEqual([]);
  });
});

describe('mirrors', () => {
  const hosts = () =>
    fixture.hosts(
      'reg.test',
      `server = "http://${rogue.host}"\n[host."http://${mirror.host}"]\ncapabilities = ["pull", "resolve"]\n`,
    );

  it('come first, and are told for whom they stand', async () => {
    const image = someImage();
    mirror.add('m/app', '1', image);
    hosts();
    expect((await pull('reg.test/m/app:1')).repoTags).toEqual(['reg.test/m/app:1']);
    expect(rogue.requests).toEqual([]);
    for (const { path } of mirror.requests) expect(path).toMatch(/\?ns=reg\.test$/);
  });

  it('that lack an image, or are down, are passed over', async () => {
    const image = someImage();
    rogue.add('app', '1', image);
    hosts();
    await pull('reg.test/app:1');
    // Where the manifest was, the rest is looked for.
    expect(mirror.requests).toHaveLength(1);
    await mirror.stop();
    await pull('reg.test/app:1');
    mirror = await Rogue.start();
  });

  it('that may not resolve are asked for digests only', async () => {
    const image = someImage();
    for (const registry of [rogue, mirror]) registry.add('app', '1', image);
    fixture.hosts(
      'reg.test',
      `server = "http://${rogue.host}"\n[host."http://${mirror.host}"]\ncapabilities = ["pull"]\n`,
    );
    await pull('reg.test/app:1');
    expect(mirror.paths()).toEqual([]);
    await pull(`reg.test/app@${image.manifest.digest}`);
    expect(mirror.paths()).toEqual([`/v2/app/manifests/${image.manifest.digest}`]);
  });

  it('get their own headers and path', async () => {
    const image = someImage();
    rogue.add('app', '1', image);
    rogue.mischief = (request) => {
      request.url = (request.url ?? '').replace('/api/registry/', '/v2/');
      return false;
    };
    for (const [path, blob] of [
      ['manifests/1', image.manifest],
      [`blobs/${image.config.digest}`, image.config],
    ] as const) {
      rogue.set(`/api/registry/app/${path}`, blob);
    }
    rogue.set(`/api/registry/app/blobs/${image.layers[0]?.digest}`, image.layers[0] ?? image.config);
    fixture.hosts(
      'reg.test',
      `server = "http://${rogue.host}/api/registry"\noverride_path = true\n[header]\nx-team = "blue"\n`,
    );
    await pull('reg.test/app:1');
    for (const { path, headers } of rogue.requests) {
      expect(path).toMatch(/^\/api\/registry\/app\//);
      expect(headers['x-team']).toBe('blue');
    }
  });

  it('with a file that nobody can read stop the pull', async () => {
    fixture.hosts('reg.test', 'server = [');
    const attempt = pull('reg.test/app:1');
    await expect(attempt).rejects.toMatchObject({ code: 'failed-precondition' });
    await expect(attempt).rejects.toThrow('reg.test/hosts.toml');
  });
});

function replaceManifest(bytes: Buffer): Mischief {
  return (request, response, blob) => {
    if (!request.url?.includes('/manifests/') || blob === undefined) return false;
    sendHonestly(request, response, { ...blob, bytes });
    return true;
  };
}

function replaceLayer(image: TestImage, change: (bytes: Buffer) => Buffer): Mischief {
  return (request, response, blob) => {
    if (!isLayer(image, request.url) || blob === undefined) return false;
    sendHonestly(request, response, { ...blob, bytes: change(blob.bytes) });
    return true;
  };
}

function replaceConfig(image: TestImage): Mischief {
  return (request, response, blob) => {
    if (!request.url?.includes(image.config.digest) || blob === undefined) return false;
    sendHonestly(request, response, { ...blob, bytes: Buffer.from(`${blob.bytes} `) });
    return true;
  };
}

function flip(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy[700] = (copy[700] ?? 0) ^ 1;
  return copy;
}

/** A valid archive of the same length, with other content. */
function sameLength(image: TestImage): Buffer {
  const other = tarOf({ 'etc/other': 'x' });
  const wanted = image.layers[0]?.bytes.length ?? 0;
  return Buffer.concat([other, Buffer.alloc(Math.max(0, wanted - other.length))]).subarray(0, wanted);
}
