/** Images for tests: layers by GNU tar, compressed by gzip, zstd or not at all, with manifests of either kind. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';

export type Compression = 'none' | 'gzip' | 'zstd';

export interface Blob {
  readonly digest: string;
  readonly mediaType: string;
  readonly bytes: Buffer;
}

export interface LayerBlob extends Blob {
  readonly diffId: string;
}

export interface TestImage {
  readonly manifest: Blob;
  readonly config: Blob;
  readonly layers: readonly LayerBlob[];
}

export type Files = Readonly<Record<string, string | Buffer>>;

export function digestOf(bytes: Buffer | string): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** An archive of `files` as GNU tar makes it: parent directories first, owned by root. */
export function tarOf(files: Files): Buffer {
  const directory = mkdtempSync(join(tmpdir(), 'image-tree-'));
  try {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(directory, path)), { recursive: true });
      writeFileSync(join(directory, path), content);
    }
    const fixed = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--mtime=@1700000000'];
    return execFileSync('tar', ['-C', directory, ...fixed, '-cf', '-', '.'], { maxBuffer: 1 << 30 });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

export function layerOf(tar: Buffer, compression: Compression = 'gzip'): LayerBlob {
  const suffix = compression === 'none' ? '' : `+${compression}`;
  const bytes =
    compression === 'gzip'
      ? gzipSync(tar, { level: 1 })
      : compression === 'zstd'
        ? zstdCompressSync(tar)
        : tar;
  return {
    digest: digestOf(bytes),
    diffId: digestOf(tar),
    mediaType: `application/vnd.oci.image.layer.v1.tar${suffix}`,
    bytes,
  };
}

export function json(value: unknown, mediaType: string): Blob {
  const bytes = Buffer.from(JSON.stringify(value));
  return { digest: digestOf(bytes), mediaType, bytes };
}

export function descriptorOf(blob: Blob, extra: object = {}): object {
  return { mediaType: blob.mediaType, digest: blob.digest, size: blob.bytes.length, ...extra };
}

export interface ImageOptions {
  /** The `config` member of the configuration. */
  readonly config?: object;
  readonly architecture?: string;
  readonly docker?: boolean;
}

export function imageOf(layers: readonly LayerBlob[], options: ImageOptions = {}): TestImage {
  const { config: run = { Cmd: ['/bin/sh'] }, architecture = 'amd64', docker = false } = options;
  const config = json(
    {
      architecture,
      os: 'linux',
      config: run,
      rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) },
    },
    docker ? 'application/vnd.docker.container.image.v1+json' : 'application/vnd.oci.image.config.v1+json',
  );
  const mediaType = docker
    ? 'application/vnd.docker.distribution.manifest.v2+json'
    : 'application/vnd.oci.image.manifest.v1+json';
  const renamed = (layer: LayerBlob): LayerBlob =>
    docker ? { ...layer, mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip' } : layer;
  const manifest = {
    schemaVersion: 2,
    mediaType,
    config: descriptorOf(config),
    layers: layers.map((layer) => descriptorOf(renamed(layer))),
  };
  return { manifest: json(manifest, mediaType), config, layers };
}

export function indexOf(entries: readonly { image: Blob; platform?: object; annotations?: object }[]): Blob {
  const mediaType = 'application/vnd.oci.image.index.v1+json';
  const manifests = entries.map(({ image, ...extra }) => descriptorOf(image, extra));
  return json({ schemaVersion: 2, mediaType, manifests }, mediaType);
}

let serial = 0;

/** An image that no other call made. */
export function someImage(
  options: ImageOptions & { compression?: Compression; files?: Files } = {},
): TestImage {
  serial += 1;
  const files = options.files ?? { [`etc/file-${serial}`]: `content ${serial} of ${process.pid}\n` };
  return imageOf([layerOf(tarOf(files), options.compression)], options);
}
