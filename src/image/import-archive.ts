/** Images out of a tar file: an OCI layout or a `docker save` archive, whichever it is. */
import { pipeline } from 'node:stream/promises';
import { describeError, errorCode, GantryError } from '../base/index.ts';
import { announce, type Names } from './announce.ts';
import {
  type ArchiveContents,
  type ArchivedImage,
  type ArchivedLayer,
  dockerTags,
  isDockerArchive,
  isOciLayout,
  planDockerArchive,
  planOciLayout,
  readMember,
  scanArchive,
} from './formats/index.ts';
import { collectLayers } from './gc.ts';
import type { StoredLayer } from './layers/index.ts';
import { inParallel } from './parallel.ts';
import type { ImageParts } from './parts.ts';
import { formatReference, nameOf, parseReference } from './reference.ts';
import { completeStack } from './stack.ts';
import type { ImageRecord } from './types.ts';

/** In the archive's order. All images or, on failure, those before the one that failed. */
export async function importArchive(
  parts: ImageParts,
  file: string,
  signal: AbortSignal,
): Promise<ImageRecord[]> {
  const contents = await scanArchive(file, signal);
  const images = planArchive(parts, contents, file);
  const diffIds = images.flatMap((image) => image.layers.map((layer) => layer.diffId));
  // Under the lock, as a pull.
  const release = await parts.lock.run(() =>
    parts.wanted.want(diffIds.map((diffId) => parts.layers.keyFor(diffId))),
  );
  let failed = true;
  try {
    const layers = await convertMembers(parts, file, images, signal);
    const records: ImageRecord[] = [];
    for (const image of images) records.push(await announceArchived(parts, image, layers, signal));
    failed = false;
    return records;
  } finally {
    release();
    if (failed) await parts.lock.run(() => collectLayers({ ...parts, wanted: parts.wanted.keys() }));
  }
}

function planArchive({ platform }: ImageParts, contents: ArchiveContents, file: string): ArchivedImage[] {
  if (isOciLayout(contents)) {
    const tags = dockerTags(contents);
    return planOciLayout(contents, platform).map((image) => ({
      ...image,
      names: [...new Set([...image.names, ...(tags.get(image.id) ?? [])])],
    }));
  }
  if (isDockerArchive(contents)) return planDockerArchive(contents);
  throw new GantryError({
    code: 'invalid-argument',
    operation: 'import',
    subject: file,
    message: `${file} is neither an OCI layout (oci-layout, index.json) nor a docker archive (manifest.json)`,
  });
}

/** By diffId. */
async function convertMembers(
  parts: ImageParts,
  file: string,
  images: readonly ArchivedImage[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, StoredLayer>> {
  const all = images.flatMap((image) => image.layers);
  const distinct = [...new Map(all.map((layer) => [layer.diffId, layer])).values()];
  const stored = await inParallel(distinct, parts.settings.pullConcurrency, signal, (layer, either) =>
    convertMember(parts, file, layer, either),
  );
  return new Map(stored.map((layer) => [layer.diffId, layer]));
}

async function convertMember(
  { layers }: ImageParts,
  file: string,
  { diffId, digest, member, path }: ArchivedLayer,
  signal: AbortSignal,
): Promise<StoredLayer> {
  const present = layers.find(diffId);
  if (present !== undefined) return present;
  const expected = { diffId, size: member.size, ...(digest === undefined ? {} : { digest }) };
  try {
    return await layers.add(expected, (sink, s) => pipeline(readMember(file, member, s), sink), signal);
  } catch (cause) {
    throw new GantryError({
      code: signal.aborted ? 'cancelled' : errorCode(cause),
      operation: 'import',
      subject: file,
      message: `${file}: ${path}: ${describeError(cause)}`,
      cause,
    });
  }
}

async function announceArchived(
  parts: ImageParts,
  { id, parsed, config, manifest, targets, names, digest, layers }: ArchivedImage,
  stored: ReadonlyMap<string, StoredLayer>,
  signal: AbortSignal,
): Promise<ImageRecord> {
  const size = layers.reduce((sum, layer) => sum + layer.member.size, config.length);
  const own = await completeStack(
    parts,
    layers.flatMap((layer) => stored.get(layer.diffId) ?? []),
    signal,
  );
  const image = { id, parsed, layers: own, size, targets, manifest, config };
  const record = await announce(parts, image, completeNames(parts, names, digest));
  if (record !== undefined) return record;
  throw new GantryError({
    code: 'unavailable',
    operation: 'import',
    subject: id,
    message: `layers of ${id} were removed by another process meanwhile; import again`,
  });
}

function completeNames({ log }: ImageParts, names: readonly string[], digest: string): Names {
  const references = names.flatMap((name) => {
    try {
      return [parseReference(name)];
    } catch (error) {
      log.warn({ name, error: describeError(error) }, 'the archive has a name that is none; left out');
      return [];
    }
  });
  return {
    tags: references.filter((reference) => reference.digest === undefined).map(formatReference),
    digests: digest === '' ? [] : references.map((reference) => `${nameOf(reference)}@${digest}`),
  };
}
