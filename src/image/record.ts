/** An image's record on disk, `<root>/images/<hex id>.json`: what the API shows, and the documents that it came from. */
import { isDigest } from './reference.ts';
import type { ImageRecord } from './types.ts';

export interface StoredImage {
  /** Of the record's form; a newer release's may be higher than ours. */
  readonly version: number;
  readonly image: ImageRecord;
  /** Digests under which registries know it: the manifest's, and the index's that led to it. */
  readonly targets: readonly string[];
  /** base64 of the manifest as it came; '' for docker archives, which have none. */
  readonly manifest: string;
  /** base64 of the configuration as it came. */
  readonly config: string;
}

export const IMAGE_RECORD_VERSION = 1;

/** A record of a newer release that lacks something which this one cannot do without. It is kept. */
export class ForeignRecord extends Error {}

/**
 * With the members that only another release knows, so that they are written back. Throws an Error that says what is wrong with
 * it, a ForeignRecord where that release is newer.
 */
export function parseRecord(text: string): StoredImage {
  const value: unknown = JSON.parse(text);
  if (!isObject(value) || !Number.isSafeInteger(value['version'])) throw new Error('no version');
  try {
    return parseMembers(value, value['version'] as number);
  } catch (cause) {
    if (!(cause instanceof Error) || Number(value['version']) <= IMAGE_RECORD_VERSION) throw cause;
    throw new ForeignRecord(`it is of a newer release (version ${value['version']}): ${cause.message}`);
  }
}

function parseMembers(value: Record<string, unknown>, version: number): StoredImage {
  const { image, targets, manifest, config } = value;
  if (!isObject(image)) throw new Error('no image');
  const { id, repoTags, repoDigests, layers, pulledAt, size, config: run } = image;
  if (typeof id !== 'string' || !isDigest(id)) throw new Error('no ID');
  if (!isStrings(repoTags) || !isStrings(repoDigests) || !isStrings(targets)) throw new Error('no names');
  if (!Array.isArray(layers) || !layers.every(isLayer)) throw new Error('no layers');
  if (typeof pulledAt !== 'string' || !/^\d+$/.test(pulledAt)) throw new Error('no time');
  if (typeof size !== 'number' || !isObject(run) || !isStrings(run['env']))
    throw new Error('no configuration');
  if (typeof manifest !== 'string' || typeof config !== 'string') throw new Error('no documents');
  return {
    ...value,
    version,
    image: { ...(image as unknown as ImageRecord), pulledAt: BigInt(pulledAt) },
    targets,
    manifest,
    config,
  };
}

function isLayer(value: unknown): boolean {
  return (
    isObject(value) &&
    typeof value['diffId'] === 'string' &&
    typeof value['digest'] === 'string' &&
    typeof value['key'] === 'string' &&
    /^[0-9a-z][0-9a-z.-]*$/.test(value['key']) &&
    typeof value['size'] === 'number'
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string');
}
