import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Fixture, never } from './testing/fixture.ts';
import { someImage } from './testing/images.ts';
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

  it('that cannot be used are named, with the reason, where nobody has the image', async () => {
    const unusable = '[host."https://mirror.test"]\nca = "/nonexistent/ca.pem"\n';
    fixture.hosts('reg.test', `server = "http://${rogue.host}"\n${unusable}`);
    await expect(pull('reg.test/app:1')).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringMatching(/\(mirrors: .*\/nonexistent\/ca\.pem.*\)/),
    });
  });

  it('that may not resolve are asked for digests only', async () => {
    const image = someImage();
    for (const registry of [rogue, mirror]) registry.add('app', '1', image);
    fixture.hosts(
      'reg.test',
      `server = "http://${rogue.host}"\n[host."http://${mirror.host}"]\ncapabilities = ["pull"]\n`,
    );
    await pull('reg.test/app:1');
    const content = [
      `/v2/app/manifests/${image.manifest.digest}`,
      `/v2/app/blobs/${image.config.digest}`,
      `/v2/app/blobs/${image.layers[0]?.digest}`,
    ];
    expect(mirror.paths()).toEqual(content);
    expect(rogue.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'HEAD /v2/app/manifests/1?ns=reg.test',
    ]);
    await pull(`reg.test/app@${image.manifest.digest}`);
    expect(mirror.paths()).toEqual([...content, `/v2/app/manifests/${image.manifest.digest}`]);
    expect(rogue.requests).toHaveLength(1);
  });

  it('that may not resolve, and lack what is asked for, cost nothing but the question', async () => {
    const image = someImage();
    rogue.add('app', '1', image);
    fixture.hosts(
      'reg.test',
      `server = "http://${rogue.host}"\n[host."http://${mirror.host}"]\ncapabilities = ["pull"]\n`,
    );
    await pull('reg.test/app:1');
    expect(mirror.paths()).toEqual([`/v2/app/manifests/${image.manifest.digest}`]);
  });

  it('that may not resolve do not matter where the registry names no digest', async () => {
    const image = someImage();
    for (const registry of [rogue, mirror]) registry.add('app', '1', image);
    rogue.mischief = (request, response, blob) => {
      if (request.method !== 'HEAD' || blob === undefined) return false;
      response.writeHead(200, { 'content-type': blob.mediaType }).end();
      return true;
    };
    fixture.hosts(
      'reg.test',
      `server = "http://${rogue.host}"\n[host."http://${mirror.host}"]\ncapabilities = ["pull"]\n`,
    );
    expect((await pull('reg.test/app:1')).id).toBe(image.config.digest);
    expect(mirror.paths()).toEqual([
      `/v2/app/blobs/${image.config.digest}`,
      `/v2/app/blobs/${image.layers[0]?.digest}`,
    ]);
  });

  it('that may only resolve are asked for nothing else', async () => {
    const image = someImage();
    for (const registry of [rogue, mirror]) registry.add('app', '1', image);
    fixture.hosts(
      'reg.test',
      `server = "http://${rogue.host}"\n[host."http://${mirror.host}"]\ncapabilities = ["resolve"]\n`,
    );
    await pull('reg.test/app:1');
    expect(mirror.paths()).toEqual(['/v2/app/manifests/1']);
    expect(rogue.paths().every((path) => path.includes('/blobs/'))).toBe(true);
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
