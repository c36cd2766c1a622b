import { describe, expect, it } from 'vitest';
import { hostPlatform } from '../platform.ts';
import { chainId, parseImageConfig } from './image-config.ts';
import { choosePlatform, parseManifest } from './manifest.ts';

const digest = (c: string) => `sha256:${c.repeat(64)}`;
const oci = 'application/vnd.oci.image.manifest.v1+json';
const ociIndex = 'application/vnd.oci.image.index.v1+json';
const config = { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digest('c'), size: 2 };
const layer = { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: digest('1'), size: 3 };
const bytes = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
const image = { schemaVersion: 2, mediaType: oci, config, layers: [layer] };

describe('parseManifest', () => {
  it('reads an image', () => {
    expect(parseManifest(bytes(image), oci, 'x')).toMatchObject({
      kind: 'manifest',
      config: { digest: digest('c') },
      layers: [{ digest: digest('1'), size: 3 }],
    });
  });

  it('takes the transport’s word when the document has none', () => {
    expect(parseManifest(bytes({ ...image, mediaType: undefined }), oci, 'x').kind).toBe('manifest');
    expect(parseManifest(bytes({ schemaVersion: 2, manifests: [] }), 'text/plain', 'x').kind).toBe('index');
  });

  it.each([
    ['not JSON', '{', 'malformed'],
    ['not UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), 'malformed'],
    ['a list', [], 'no JSON object'],
    ['schema 1', { schemaVersion: 1 }, 'schema 1'],
    ['both at once', { ...image, manifests: [] }, 'at once'],
    ['no config', { schemaVersion: 2, mediaType: oci, layers: [] }, '"config"'],
    ['a negative size', { ...image, layers: [{ ...layer, size: -1 }] }, 'no size'],
    ['a fractional size', { ...image, layers: [{ ...layer, size: 1.5 }] }, 'no size'],
    ['a short digest', { ...image, layers: [{ ...layer, digest: 'sha256:00' }] }, 'no digest'],
    ['a path as digest', { ...image, layers: [{ ...layer, digest: '../../x' }] }, 'no digest'],
    [
      'an artifact',
      {
        ...image,
        config: { ...config, mediaType: 'application/vnd.oci.empty.v1+json' },
        artifactType: 'a/b',
      },
      '"a/b"',
    ],
    [
      'a helm chart',
      { ...image, config: { ...config, mediaType: 'application/vnd.cncf.helm.config.v1+json' } },
      'helm',
    ],
    [
      'encryption',
      { ...image, layers: [{ ...layer, mediaType: `${layer.mediaType}+encrypted` }] },
      'encrypted',
    ],
    ['a foreign layer type', { ...image, layers: [{ ...layer, mediaType: 'text/plain' }] }, 'text/plain'],
    ['something else', { schemaVersion: 2, mediaType: 'a/b' }, 'no image'],
    ['too many layers', { ...image, layers: Array(501).fill(layer) }, '501 layers'],
  ])('refuses %s', (_what, document, why) => {
    const parse = () => parseManifest(Buffer.isBuffer(document) ? document : bytes(document), '', 'x');
    expect(parse).toThrow(why);
    expect(parse).toThrow(/^x/);
  });
});

describe('choosePlatform', () => {
  const entry = (c: string, os: string, architecture: string, variant?: string, annotations = {}) => ({
    mediaType: oci,
    digest: digest(c),
    size: 1,
    platform: { os, architecture, variant },
    annotations,
  });
  const choose = (manifests: unknown[], arch: string) => {
    const index = parseManifest(bytes({ schemaVersion: 2, mediaType: ociIndex, manifests }), '', 'x');
    if (index.kind !== 'index') throw new Error('no index');
    return choosePlatform(index, hostPlatform(arch), 'x').digest;
  };
  const all = [
    entry('a', 'windows', 'amd64'),
    entry('b', 'linux', 'arm', 'v7'),
    entry('c', 'linux', '386'),
    entry('d', 'linux', 'amd64'),
    entry('e', 'linux', 'arm64', 'v8'),
    entry('f', 'unknown', 'unknown', undefined, { 'vnd.docker.reference.type': 'attestation-manifest' }),
  ];

  it.each([
    ['x64', 'd'],
    ['arm64', 'e'],
    ['ia32', 'c'],
  ])('on %s', (arch, c) => {
    expect(choose(all, arch)).toBe(digest(c));
  });
  it('falls back to what the processor also runs', () => {
    expect(choose(all.slice(0, 3), 'x64')).toBe(digest('c'));
    expect(choose(all.slice(0, 3), 'arm64')).toBe(digest('b'));
  });
  it('takes an entry without a platform when nothing else fits', () => {
    expect(choose([...all.slice(0, 1), { mediaType: oci, digest: digest('0'), size: 1 }], 'x64')).toBe(
      digest('0'),
    );
  });
  it('says what there is instead', () => {
    expect(() => choose(all, 's390x')).toThrow(
      'no image for linux/s390x; it offers windows/amd64, linux/arm/v7',
    );
  });
});

describe('parseImageConfig', () => {
  it('reads what a container needs, and leaves defaults empty', () => {
    const document = {
      architecture: 'amd64',
      os: 'linux',
      config: { User: '1000:1000', Env: ['A=b'], Cmd: ['sh'], Volumes: { '/v': {} }, Labels: { l: 'x' } },
      rootfs: { type: 'layers', diff_ids: [digest('1')] },
    };
    expect(parseImageConfig(bytes(document), 'x')).toEqual({
      diffIds: [digest('1')],
      config: {
        user: '1000:1000',
        env: ['A=b'],
        entrypoint: [],
        cmd: ['sh'],
        workingDir: '',
        volumes: ['/v'],
        stopSignal: '',
        labels: { l: 'x' },
        architecture: 'amd64',
        os: 'linux',
        created: '',
      },
    });
  });
  it.each([
    ['{', 'malformed'],
    [{}, 'rootfs'],
    [{ rootfs: { type: 'layers', diff_ids: ['md5:0'] } }, 'no sha256'],
    [{ rootfs: { diff_ids: [1] } }, 'diff_ids'],
    [{ rootfs: {}, config: { Env: 'x' } }, 'config.Env'],
    [{ rootfs: {}, config: { User: 7 } }, 'config.User'],
  ])('refuses %j', (document, why) => {
    expect(() => parseImageConfig(bytes(document), 'x')).toThrow(
      expect.objectContaining({ code: 'data-loss', message: expect.stringContaining(why) }),
    );
  });
});

it('chains diff IDs as the specification says', () => {
  expect(chainId([])).toBe('');
  expect(chainId([digest('a')])).toBe(digest('a'));
  // printf 'sha256:aa… sha256:bb…' | sha256sum
  expect(chainId([digest('a'), digest('b')])).toBe(
    'sha256:ccd722928bd92476ba1745586fed6e45a102504185ad88cd89e01ff116fd146c',
  );
});
