/** What happens to an image's names when others come and go. Pure: records in, records out. */
import { nameOf, parseReference } from './reference.ts';
import type { ImageRecord } from './types.ts';

/** The record with more names; each once, in a stable order. */
export function withNames(
  image: ImageRecord,
  tags: readonly string[],
  digests: readonly string[],
): ImageRecord {
  return {
    ...image,
    repoTags: union(image.repoTags, tags),
    repoDigests: union(image.repoDigests, digests),
  };
}

/** A tag that moved to another image: this one keeps its digests, as with docker and containerd. */
export function withoutTags(image: ImageRecord, tags: readonly string[]): ImageRecord {
  return { ...image, repoTags: image.repoTags.filter((tag) => !tags.includes(tag)) };
}

/**
 * Removes one reference. With the last tag of a repository go its digests too, as with `docker rmi`: they came with the
 * tag, and nobody would ever remove them. The image goes when it has no reference left (`undefined`).
 */
export function withoutReference(image: ImageRecord, reference: string): ImageRecord | undefined {
  const repository = nameOf(parseReference(reference));
  const inRepository = (name: string): boolean => nameOf(parseReference(name)) === repository;
  const repoTags = image.repoTags.filter((tag) => tag !== reference);
  const wasLastTag = image.repoTags.includes(reference) && !repoTags.some(inRepository);
  const repoDigests = image.repoDigests.filter(
    (digest) => digest !== reference && !(wasLastTag && inRepository(digest)),
  );
  return repoTags.length + repoDigests.length === 0 ? undefined : { ...image, repoTags, repoDigests };
}

function union(old: readonly string[], more: readonly string[]): readonly string[] {
  return [...new Set([...old, ...more])].sort();
}
