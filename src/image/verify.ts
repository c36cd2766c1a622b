/** `gantry image verify`: everything that belongs to an image, hashed again. */
import { describeError } from '../base/index.ts';
import { verifiedDigest } from './digest.ts';
import type { ImageParts } from './parts.ts';

/** What is wrong, a sentence each; empty: the image is whole. */
export async function verifyImage({ images, layers }: ImageParts, id: string): Promise<readonly string[]> {
  const stored = images.read(id);
  if (stored === undefined) return [`image ${id} is not here`];
  const problems: string[] = [];
  const check = async (work: () => unknown): Promise<void> => {
    try {
      await work();
    } catch (error) {
      problems.push(describeError(error));
    }
  };
  await check(() => verifiedDigest(Buffer.from(stored.config, 'base64'), id, `configuration of ${id}`));
  if (stored.manifest !== '') {
    const digest = stored.targets.at(-1);
    const bytes = Buffer.from(stored.manifest, 'base64');
    const known = stored.targets.some((target) => isDigestOf(bytes, target));
    if (!known) problems.push(`the manifest of ${id} is not ${digest}`);
  }
  for (const ref of stored.image.layers) {
    await check(async () => {
      const layer = layers.get(ref.key);
      if (layer === undefined)
        throw new Error(`layer ${ref.diffId}: ${layers.path(ref.key)} is gone or short`);
      if (layer.digest !== ref.digest)
        throw new Error(`layer ${ref.diffId}: its record has ${layer.digest}, the image's ${ref.digest}`);
      await layers.verify(layer);
    });
  }
  return problems;
}

function isDigestOf(bytes: Buffer, digest: string): boolean {
  try {
    verifiedDigest(bytes, digest, 'manifest');
    return true;
  } catch {
    return false;
  }
}
