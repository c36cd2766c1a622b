// Registries as they are in the field: what they do that no specification makes them do, or that few clients expect.
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Fixture, never } from './testing/fixture.ts';
import { descriptorOf, json, someImage, type TestImage } from './testing/images.ts';
import { bigImage, flip } from './testing/mischief.ts';
import { type Mischief, Rogue } from './testing/rogue.ts';
import type { RegistryAuth } from './types.ts';

let fixture: Fixture;
let rogue: Rogue;
let other: Rogue;
beforeEach(async () => {
  fixture = new Fixture();
  rogue = await Rogue.start();
  other = await Rogue.start();
});
afterEach(async () => {
  await rogue.stop();
  await other.stop();
  await fixture.dispose();
});

async function pull(name: string, auth?: RegistryAuth) {
  const images = await fixture.service();
  const record = await images.pull(name, { signal: never(), ...(auth ? { auth } : {}) });
  expect(await images.verify(record.id)).toEqual([]);
  return record;
}

/** The image's manifest with other descriptors, in place of its own. */
function withManifest(image: TestImage, change: (manifest: Manifest) => object): TestImage {
  const document = JSON.parse(image.manifest.bytes.toString()) as Manifest;
  return { ...image, manifest: json(change(document), image.manifest.mediaType) };
}

interface Manifest {
  readonly config: { readonly mediaType: string; readonly size: number };
  readonly layers: readonly object[];
}

describe('a content coding that nobody asked for', () => {
  const coded =
    (coding: string, code: (bytes: Buffer) => Buffer, of: RegExp): Mischief =>
    (request, response, blob) => {
      if (blob === undefined || !of.test(request.url ?? '')) return false;
      const bytes = code(blob.bytes);
      const headers = { 'content-type': blob.mediaType, 'content-encoding': coding };
      response.writeHead(200, { ...headers, 'content-length': bytes.length }).end(bytes);
      return true;
    };
  const codings: readonly [string, (bytes: Buffer) => Buffer][] = [
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
    ['deflate, gzip', (bytes) => gzipSync(deflateSync(bytes))],
    ['identity', (bytes) => bytes],
  ];

  it.each(codings)('%s on documents is taken away', async (coding, code) => {
    const image = someImage();
    rogue.add('coded', '1', image);
    rogue.mischief = coded(coding, code, /manifests|blobs/);
    expect((await pull(`${rogue.host}/coded:1`)).id).toBe(image.config.digest);
    for (const { headers } of rogue.requests) expect(headers['accept-encoding']).toBe('identity');
  });

  it('on a layer is taken away, also when the transfer breaks in the middle', async () => {
    const image = bigImage();
    rogue.add('coded', '1', image);
    let left = 1;
    rogue.mischief = (request, response, blob) => {
      if (blob === undefined || !request.url?.includes(image.layers[0]?.digest ?? '-')) return false;
      const bytes = gzipSync(blob.bytes);
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': bytes.length });
      if (left-- > 0)
        response.write(bytes.subarray(0, 1_000_000), () => setTimeout(() => response.destroy(), 20));
      else response.end(bytes);
      return true;
    };
    expect((await pull(`${rogue.host}/coded:1`)).id).toBe(image.config.digest);
  });

  it.each<[string, string, (bytes: Buffer) => Buffer, RegExp]>([
    ['that is unknown', 'rot13', (bytes) => bytes, /Content-Encoding "rot13"/],
    ['that it is not', 'gzip', (bytes) => bytes, /not coded as it says/],
    ['of too many bytes', 'gzip', () => gzipSync(Buffer.alloc(64 << 20)), /more than 8388608 bytes/],
  ])('%s fails', async (_what, coding, code, why) => {
    rogue.add('coded', '1', someImage());
    rogue.mischief = coded(coding, code, /manifests/);
    await expect(pull(`${rogue.host}/coded:1`)).rejects.toThrow(why);
    expect(fixture.files()).toEqual([]);
  });
});

describe('a registry that redirects blobs to a host with tokens of its own', () => {
  /** Tokens by `/token`, as the host `who` gives them out; wants them for blobs. */
  const wantsToken =
    (who: Rogue, token: string, wanted: RegExp): Mischief =>
    (request, response) => {
      if (request.url?.startsWith('/token')) {
        response.writeHead(200).end(JSON.stringify({ token }));
        return true;
      }
      if (!wanted.test(request.url ?? '') || request.headers.authorization === `Bearer ${token}`)
        return false;
      const scope = `repository:stored/${token}:pull`;
      const challenge = `Bearer realm="http://${who.host}/token",service="${token}",scope="${scope}"`;
      response.writeHead(401, { 'www-authenticate': challenge }).end();
      return true;
    };
  const auth = { username: 'u', password: 'p' };
  const basic = `Basic ${Buffer.from('u:p').toString('base64')}`;

  function arrange(image: TestImage): void {
    rogue.add('moved', '1', image);
    other.add('moved', '1', image);
    const own = wantsToken(rogue, 'first', /^\/v2/);
    rogue.mischief = (request, response, blob) => {
      if (own(request, response, blob)) return true;
      if (!request.url?.includes('/blobs/')) return false;
      response.writeHead(307, { location: `http://${other.host}${request.url}` }).end();
      return true;
    };
    other.mischief = wantsToken(other, 'second', /blobs/);
  }
  const seen = (registry: Rogue): Set<string | undefined> =>
    new Set(registry.requests.map(({ headers }) => headers.authorization));

  it('gets each host its own token, and tells neither of the other', async () => {
    const image = someImage();
    arrange(image);
    expect((await pull(`${rogue.host}/moved:1`, auth)).id).toBe(image.config.digest);
    expect(seen(rogue)).toEqual(new Set([undefined, basic, 'Bearer first']));
    expect(seen(other)).toEqual(new Set([undefined, 'Bearer second']));
    const asked = other.requests.find(({ path }) => path.startsWith('/token'));
    const query = new URL(asked?.path ?? '', 'http://x').searchParams;
    expect(query.getAll('scope')).toEqual(['repository:stored/second:pull']);
    expect(query.has('account')).toBe(false);
  });

  it('shows credentials to the other host only where they are for it', async () => {
    arrange(someImage());
    await pull(`${rogue.host}/moved:1`, { ...auth, serverAddress: other.host });
    expect(seen(rogue)).toEqual(new Set([undefined, 'Bearer first']));
    expect(seen(other)).toEqual(new Set([undefined, basic, 'Bearer second']));
  });

  it('fails when that host does not take its own token', async () => {
    arrange(someImage());
    other.mischief = (request, response) => {
      if (request.url?.startsWith('/token')) response.writeHead(200).end('{"token":"useless"}');
      else {
        response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${other.host}/token"` }).end();
      }
      return true;
    };
    await expect(pull(`${rogue.host}/moved:1`, auth)).rejects.toMatchObject({ code: 'unauthenticated' });
    expect(seen(other)).not.toContain(basic);
    expect(other.requests.length).toBeLessThan(8);
  });

  it('does not follow where a token server sends the refresh token', async () => {
    arrange(someImage());
    const own = rogue.mischief;
    rogue.mischief = (request, response, blob) => {
      if (!request.url?.startsWith('/token')) return own(request, response, blob);
      response.writeHead(307, { location: `http://${other.host}/token` }).end();
      return true;
    };
    const attempt = pull(`${rogue.host}/moved:1`, { identityToken: 'refresh' });
    await expect(attempt).rejects.toThrow('redirected a secret');
    expect(other.requests).toEqual([]);
  });
});

describe('descriptors of old tools', () => {
  it.each(['application/octet-stream', '', undefined, 'application/json', 'text/html'])(
    'a configuration of type %j is taken for what it is',
    async (mediaType) => {
      const image = withManifest(someImage(), (m) => ({ ...m, config: { ...m.config, mediaType } }));
      rogue.add('old', '1', image);
      expect((await pull(`${rogue.host}/old:1`)).id).toBe(image.config.digest);
    },
  );

  it('layers of type application/octet-stream are taken for what they are', async () => {
    const image = withManifest(someImage({ compression: 'zstd' }), (m) => ({
      ...m,
      layers: m.layers.map((layer) => ({ ...layer, mediaType: 'application/octet-stream' })),
    }));
    rogue.add('old', '1', image);
    expect((await pull(`${rogue.host}/old:1`)).id).toBe(image.config.digest);
  });

  it('an artifact that says so is refused all the same', async () => {
    const image = withManifest(someImage(), (m) => ({
      ...m,
      artifactType: 'a/b',
      config: { ...m.config, mediaType: '' },
    }));
    rogue.add('artifact', '1', image);
    await expect(pull(`${rogue.host}/artifact:1`)).rejects.toThrow('an artifact of type "a/b"');
  });
});

describe('a descriptor with the right digest and another size', () => {
  it.each([1, -1])('of a configuration is refused (%d)', async (difference) => {
    const image = withManifest(someImage(), (m) => ({
      ...m,
      config: { ...m.config, size: m.config.size + difference },
    }));
    rogue.add('size', '1', image);
    const attempt = pull(`${rogue.host}/size:1`);
    await expect(attempt).rejects.toMatchObject({ code: 'data-loss' });
    await expect(attempt).rejects.toThrow(/has \d+ bytes where its descriptor says \d+/);
    expect(fixture.files()).toEqual([]);
  });

  it('of a manifest in an index is refused', async () => {
    const image = someImage();
    const mediaType = 'application/vnd.oci.image.index.v1+json';
    const manifests = [descriptorOf(image.manifest, { size: 1 })];
    rogue.add('size', 'unused', image);
    rogue.set('/v2/size/manifests/1', json({ schemaVersion: 2, mediaType, manifests }, mediaType));
    await expect(pull(`${rogue.host}/size:1`)).rejects.toThrow('where its descriptor says 1');
  });
});

describe('a layer that only its urls have', () => {
  const foreign = (image: TestImage, urls: readonly string[]): TestImage =>
    withManifest(image, (m) => ({
      ...m,
      layers: m.layers.map((layer) => ({
        ...layer,
        mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
        urls,
      })),
    }));
  /** At `rogue` without its layer, which is at `other`. */
  function arrange(urls: (path: string) => readonly string[]): TestImage {
    const whole = bigImage();
    const [layer] = whole.layers;
    const image = foreign(whole, urls(`http://${other.host}/elsewhere/layer`));
    rogue.add('foreign', '1', { ...image, layers: [] });
    if (layer !== undefined) other.set('/elsewhere/layer', layer);
    return image;
  }

  it('comes from there, without what is the registry’s', async () => {
    const image = arrange((url) => ['ftp://x/', 'not a url', 'http://127.0.0.1:1/gone', url]);
    rogue.mischief = (request, response) => {
      if (request.headers.authorization !== undefined) return false;
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      return true;
    };
    const record = await pull(`${rogue.host}/foreign:1`, { username: 'u', password: 'p' });
    expect(record.id).toBe(image.config.digest);
    expect(other.requests).toHaveLength(1);
    expect(other.requests[0]?.headers.authorization).toBeUndefined();
  });

  it('is resumed there', async () => {
    arrange((url) => [url]);
    let left = 1;
    other.mischief = (_request, response, blob) => {
      if (blob === undefined || left-- <= 0) return false;
      response.writeHead(200, { 'content-length': blob.bytes.length });
      response.write(blob.bytes.subarray(0, 1_000_000), () => setTimeout(() => response.destroy(), 20));
      return true;
    };
    await pull(`${rogue.host}/foreign:1`);
    expect(other.requests[1]?.headers.range).toMatch(/^bytes=[1-9]\d+-$/);
  });

  it('is not asked for there when the registry has it', async () => {
    const whole = someImage();
    rogue.add('foreign', '1', foreign(whole, [`http://${other.host}/x`]));
    await pull(`${rogue.host}/foreign:1`);
    expect(other.requests).toEqual([]);
  });

  it('must be the layer', async () => {
    arrange((url) => [url]);
    other.mischief = (_request, response, blob) => {
      if (blob !== undefined) response.end(flip(blob.bytes));
      return blob !== undefined;
    };
    await expect(pull(`${rogue.host}/foreign:1`)).rejects.toMatchObject({ code: 'data-loss' });
    expect(fixture.files()).toEqual([]);
  });

  it('is missing when it is nowhere', async () => {
    arrange(() => [`http://${other.host}/nothing`]);
    await expect(pull(`${rogue.host}/foreign:1`)).rejects.toMatchObject({ code: 'not-found' });
  });
});
