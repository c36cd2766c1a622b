import { type Layer, sha256 } from './layer.ts';

/** The part of an OCI image config that says how a container of it runs. */
export interface RunConfig {
  readonly User?: string;
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly WorkingDir?: string;
  readonly StopSignal?: string;
  readonly Volumes?: Readonly<Record<string, object>>;
  readonly ExposedPorts?: Readonly<Record<string, object>>;
  readonly Labels?: Readonly<Record<string, string>>;
}

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

export interface Document {
  readonly mediaType: string;
  readonly bytes: Buffer;
  readonly digest: string;
}

/** One platform's image: its manifest, its config and its layers. */
export interface Image {
  readonly manifest: Document;
  readonly config: Document;
  readonly layers: readonly Layer[];
  readonly platform: Platform;
}

/** An image index: what a tag of several platforms points to. */
export interface Index {
  readonly manifest: Document;
  readonly images: readonly Image[];
}

export const hostPlatform: Platform = {
  os: 'linux',
  architecture: process.arch === 'x64' ? 'amd64' : process.arch,
};

const oci = 'application/vnd.oci.image';
const docker = 'application/vnd.docker.distribution.manifest';

function json(mediaType: string, value: unknown): Document {
  const bytes = Buffer.from(JSON.stringify(value));
  return { mediaType, bytes, digest: sha256(bytes) };
}

function descriptor(of: Document): { mediaType: string; digest: string; size: number } {
  return { mediaType: of.mediaType, digest: of.digest, size: of.bytes.length };
}

export function makeImage(layers: readonly Layer[], run: RunConfig, platform = hostPlatform): Image {
  const config = json(`${oci}.config.v1+json`, configOf(layers, run, platform));
  const manifest = json(`${oci}.manifest.v1+json`, {
    schemaVersion: 2,
    mediaType: `${oci}.manifest.v1+json`,
    config: descriptor(config),
    layers: layers.map((layer) => ({
      mediaType: layer.mediaType,
      digest: layer.digest,
      size: layer.blob.length,
    })),
  });
  return { manifest, config, layers, platform };
}

/** The same in Docker's own media types (schema 2), which registries still hold many of; layers must be gzip. */
export function makeDockerImage(layers: readonly Layer[], run: RunConfig): Image {
  const config = json('application/vnd.docker.container.image.v1+json', configOf(layers, run, hostPlatform));
  const mediaType = `${docker}.v2+json`;
  const manifest = json(mediaType, {
    schemaVersion: 2,
    mediaType,
    config: descriptor(config),
    layers: layers.map((layer) => ({
      mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
      digest: layer.digest,
      size: layer.blob.length,
    })),
  });
  return { manifest, config, layers, platform: hostPlatform };
}

export function makeIndex(images: readonly Image[]): Index {
  const mediaType = `${oci}.index.v1+json`;
  const manifests = images.map((image) => ({ ...descriptor(image.manifest), platform: image.platform }));
  return { manifest: json(mediaType, { schemaVersion: 2, mediaType, manifests }), images };
}

function configOf(layers: readonly Layer[], run: RunConfig, platform: Platform): object {
  return {
    created: '2026-01-01T00:00:00Z',
    ...platform,
    config: { Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'], ...run },
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) },
    history: layers.map(() => ({ created: '2026-01-01T00:00:00Z', created_by: 'gantry e2e/images' })),
  };
}
