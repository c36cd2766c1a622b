/**
 * Manifests and indexes: OCI image-spec (manifest.md, image-index.md) and docker's schema 2. Bytes in, plain data out;
 * what is not an image is refused with the reason. Pure.
 */
import { GantryError } from '../../base/index.ts';
import { formatPlatform, normalizePlatform, type Platform, platformRank } from '../platform.ts';
import { isDigest } from '../reference.ts';

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
  readonly platform: Platform | undefined;
  readonly annotations: Readonly<Record<string, string>>;
  /** Where the content can be had beside the registry. */
  readonly urls: readonly string[];
}

export interface ImageManifest {
  readonly kind: 'manifest';
  readonly mediaType: string;
  readonly config: Descriptor;
  /** Lowest first. */
  readonly layers: readonly Descriptor[];
}

export interface ImageIndex {
  readonly kind: 'index';
  readonly mediaType: string;
  readonly manifests: readonly Descriptor[];
}

const indexTypes: readonly string[] = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
];
const imageTypes: readonly string[] = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];
const configTypes: readonly string[] = [
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
];
/**
 * What old tools and registries wrote for a configuration, or for a layer (distribution#1621, docker#22378). The content
 * decides then, unless the manifest says what artifact it is.
 */
const unspecificTypes: readonly string[] = ['', 'application/octet-stream', 'application/json', 'text/html'];
const layerTypes = [
  /^application\/vnd\.oci\.image\.layer\.(nondistributable\.)?v1\.tar(\+gzip|\+zstd)?$/,
  /^application\/vnd\.docker\.image\.rootfs\.(foreign\.)?diff\.tar(\.gzip|\.zstd)?$/,
];
/** Layers of one image; overlayfs takes 500 lower directories. */
const LAYER_LIMIT = 500;

/**
 * @param mediaType what the transport called it; the document's own word wins, and contradictions are refused (one
 * document must not be an index to one reader and a manifest to another: GHSA-77vh-xpmg-72qh).
 */
export function parseManifest(
  bytes: Uint8Array,
  mediaType: string,
  subject: string,
): ImageManifest | ImageIndex {
  const fail = (why: string): GantryError => malformed(subject, why);
  const document = parseObject(bytes, fail);
  const type = documentType(document, mediaType);
  if (/docker\.distribution\.manifest\.v1\+/.test(type) || document['schemaVersion'] === 1) {
    throw unsupported(
      subject,
      'is a docker schema 1 manifest, which nobody makes any more; push the image again with a current tool',
    );
  }
  if (document['schemaVersion'] !== 2 && document['schemaVersion'] !== undefined)
    throw fail('unknown schemaVersion');
  const looksLikeIndex = document['manifests'] !== undefined;
  const looksLikeImage = document['layers'] !== undefined || document['config'] !== undefined;
  if (looksLikeIndex && looksLikeImage) throw fail('is an index and a manifest at once');
  if (indexTypes.includes(type) || (looksLikeIndex && !imageTypes.includes(type))) {
    return {
      kind: 'index',
      mediaType: type,
      manifests: descriptors(document['manifests'], 'manifests', fail),
    };
  }
  if (!imageTypes.includes(type) && !looksLikeImage)
    throw unsupported(subject, `has media type "${type}": no image`);
  return parseImage(document, type, subject, fail);
}

function parseImage(
  document: Record<string, unknown>,
  mediaType: string,
  subject: string,
  fail: (why: string) => GantryError,
): ImageManifest {
  const config = descriptor(document['config'], 'config', fail);
  const artifactType = document['artifactType'];
  const artifact = typeof artifactType === 'string' ? artifactType : '';
  if (
    !configTypes.includes(config.mediaType) &&
    (artifact !== '' || !unspecificTypes.includes(config.mediaType))
  ) {
    const what = artifact || config.mediaType;
    throw unsupported(subject, `is an artifact of type "${what}", no container image`);
  }
  const layers = descriptors(document['layers'], 'layers', fail);
  if (layers.length > LAYER_LIMIT)
    throw unsupported(subject, `has ${layers.length} layers; at most ${LAYER_LIMIT} can be stacked`);
  for (const layer of layers) {
    if (layer.mediaType.endsWith('+encrypted'))
      throw unsupported(subject, `has an encrypted layer (${layer.digest})`);
    if (!layerTypes.some((type) => type.test(layer.mediaType)) && !isUnspecificLayer(layer)) {
      throw unsupported(subject, `has a layer of media type "${layer.mediaType}"`);
    }
    if (!layer.digest.startsWith('sha256:'))
      throw unsupported(subject, `has layer ${layer.digest}; only sha256 is supported`);
  }
  return { kind: 'manifest', mediaType, config, layers };
}

/** The converter looks at a layer's bytes, not at its media type. */
function isUnspecificLayer({ mediaType }: Descriptor): boolean {
  return mediaType === '' || mediaType === 'application/octet-stream';
}

/** The entry of an index that fits `host` best, the first of equals; nested indexes (no platform of their own) come last. */
export function choosePlatform(index: ImageIndex, host: Platform, subject: string): Descriptor {
  const ranked = index.manifests
    .filter((entry) => entry.annotations['vnd.docker.reference.type'] === undefined)
    .map((entry) => ({
      entry,
      rank: entry.platform === undefined ? Number.MAX_SAFE_INTEGER : platformRank(host, entry.platform),
    }))
    .filter((candidate): candidate is { entry: Descriptor; rank: number } => candidate.rank !== undefined)
    .sort((a, b) => a.rank - b.rank);
  const best = ranked[0];
  if (best !== undefined) return best.entry;
  const offered = index.manifests
    .map((entry) => (entry.platform === undefined ? '' : formatPlatform(entry.platform)))
    .filter((name) => name !== '' && !name.startsWith('unknown'));
  throw new GantryError({
    code: 'not-found',
    operation: 'choose platform',
    subject,
    message: `${subject}: no image for ${formatPlatform(host)}; it offers ${[...new Set(offered)].join(', ') || 'none'}`,
  });
}

function documentType(document: Record<string, unknown>, transport: string): string {
  const own = document['mediaType'];
  if (typeof own === 'string' && own !== '') return own;
  return transport;
}

function parseObject(bytes: Uint8Array, fail: (why: string) => GantryError): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
  } catch (error) {
    throw fail(error instanceof Error ? error.message : 'no JSON');
  }
  throw fail('no JSON object');
}

function descriptors(value: unknown, name: string, fail: (why: string) => GantryError): Descriptor[] {
  if (value === null || value === undefined) return [];
  if (!Array.isArray(value)) throw fail(`"${name}" is no list`);
  return value.map((entry: unknown, i) => descriptor(entry, `${name}[${i}]`, fail));
}

function descriptor(value: unknown, name: string, fail: (why: string) => GantryError): Descriptor {
  if (typeof value !== 'object' || value === null) throw fail(`"${name}" is no descriptor`);
  const { mediaType, digest, size, platform, annotations, urls } = value as Record<string, unknown>;
  if (typeof digest !== 'string' || !isDigest(digest)) throw fail(`"${name}.digest" is no digest`);
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
    throw fail(`"${name}.size" is no size`);
  return {
    mediaType: typeof mediaType === 'string' ? mediaType : '',
    digest,
    size,
    platform:
      typeof platform === 'object' && platform !== null
        ? normalizePlatform(stringFields(platform))
        : undefined,
    annotations: typeof annotations === 'object' && annotations !== null ? stringFields(annotations) : {},
    urls: Array.isArray(urls) ? urls.filter((url) => typeof url === 'string') : [],
  };
}

function stringFields(value: object): Record<string, string> {
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

function malformed(subject: string, why: string): GantryError {
  return new GantryError({
    code: 'data-loss',
    operation: 'parse manifest',
    subject,
    message: `${subject}: malformed manifest: ${why}`,
  });
}

function unsupported(subject: string, why: string): GantryError {
  return new GantryError({
    code: 'invalid-argument',
    operation: 'parse manifest',
    subject,
    message: `${subject} ${why}`,
  });
}
