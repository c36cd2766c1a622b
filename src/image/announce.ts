/** The end of a pull or an import: everything is durable, the record is written, names find their new owner. */
import { nowNanoseconds } from '../base/index.ts';
import type { ParsedConfig } from './formats/index.ts';
import type { StoredLayer } from './layers/index.ts';
import { withNames, withoutTags } from './names.ts';
import type { ImageParts } from './parts.ts';
import { formatPlatform, normalizePlatform, platformRank } from './platform.ts';
import { IMAGE_RECORD_VERSION } from './record.ts';
import type { ImageRecord } from './types.ts';

export interface NewImage {
  readonly id: string;
  readonly parsed: ParsedConfig;
  readonly layers: readonly StoredLayer[];
  /** Bytes: the compressed blobs and the config. */
  readonly size: number;
  readonly targets: readonly string[];
  readonly manifest: Buffer;
  readonly config: Buffer;
}

/** Taken all the same: an interpreter may run it (binfmt_misc), or another machine. */
function warnOfPlatform({ platform, log }: ImageParts, { id, parsed }: NewImage, { tags }: Names): void {
  const own = normalizePlatform(parsed.config);
  if (own.architecture === '' || platformRank(platform, own) !== undefined) return;
  log.warn(
    { image: tags[0] ?? id, platform: formatPlatform(own), host: formatPlatform(platform) },
    'the image is for another platform; its programs may not start here',
  );
}

export interface Names {
  readonly tags: readonly string[];
  readonly digests: readonly string[];
}

/** Undefined when a layer went meanwhile (another process's garbage collection): fetch it again. */
export async function announce(
  parts: ImageParts,
  image: NewImage,
  names: Names,
): Promise<ImageRecord | undefined> {
  const { images, layers, lock } = parts;
  warnOfPlatform(parts, image, names);
  // Names of the layers' files before the record that refers to them.
  await layers.sync();
  return await lock.run(() => {
    if (image.layers.some((layer) => layers.get(layer.key) === undefined)) return undefined;
    const old = images.read(image.id);
    const record = withNames(
      {
        // What another release has noted of this image stays.
        ...old?.image,
        id: image.id,
        repoTags: old?.image.repoTags ?? [],
        repoDigests: old?.image.repoDigests ?? [],
        size: image.size,
        config: image.parsed.config,
        layers: image.layers.map(({ diffId, digest, key, size }) => ({ diffId, digest, key, size })),
        pinned: old?.image.pinned ?? false,
        pulledAt: nowNanoseconds(),
      },
      names.tags,
      names.digests,
    );
    images.write({
      ...old,
      version: old?.version ?? IMAGE_RECORD_VERSION,
      image: record,
      targets: [...new Set([...(old?.targets ?? []), ...image.targets])],
      manifest: image.manifest.toString('base64'),
      config: image.config.toString('base64'),
    });
    takeTags(parts, record.id, names.tags);
    return images.byId(record.id);
  });
}

/** An image that is there got (more) names; undefined when it went meanwhile. */
export async function announceNames(
  parts: ImageParts,
  id: string,
  targets: readonly string[],
  names: Names,
): Promise<ImageRecord | undefined> {
  const { images, lock } = parts;
  return await lock.run(() => {
    const old = images.read(id);
    if (old === undefined || images.byId(id) === undefined) return undefined;
    const image = { ...withNames(old.image, names.tags, names.digests), pulledAt: nowNanoseconds() };
    images.write({ ...old, image, targets: [...new Set([...old.targets, ...targets])] });
    takeTags(parts, id, names.tags);
    return images.byId(id);
  });
}

/** After the new owner's record: a crash in between leaves two owners, of which the younger counts. */
function takeTags({ images }: ImageParts, owner: string, tags: readonly string[]): void {
  for (const other of images.list()) {
    if (other.id === owner) continue;
    const stored = images.read(other.id);
    if (stored?.image.repoTags.some((tag) => tags.includes(tag)))
      images.update(withoutTags(stored.image, tags));
  }
}
