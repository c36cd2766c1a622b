/** The layers of an image as they are mounted: those that it names, and a correction on top where one is needed. */
import { pipeline } from 'node:stream/promises';
import { checkImplied, correctStack, type StoredLayer } from './layers/index.ts';
import type { ImageParts } from './parts.ts';

/** Idempotent: the same layers get the same correction, which is stored once like any other layer. Errors: correctStack's. */
export async function completeStack(
  { layers, log }: ImageParts,
  own: readonly StoredLayer[],
  signal: AbortSignal,
): Promise<readonly StoredLayer[]> {
  checkImplied(own);
  // overlayfs does not honour opaqueness of the root: what such a layer hides is left out.
  const first = Math.max(
    0,
    own.findLastIndex((layer) => layer.rootOpaque),
  );
  const seen = own.slice(first);
  const stack = own.map((layer) => ({
    file: layers.path(layer.key),
    impliedDirectories: layer.impliedDirectories ?? [],
  }));
  const { tar, hiding } = await correctStack(stack, first, signal);
  if (hiding.length > 0) {
    log.warn(
      { directories: hiding },
      'a layer has files below what is a link or a file in a lower layer, and hides it',
    );
  }
  if (tar === undefined) return seen;
  return [...seen, await layers.add({}, (sink) => pipeline([tar], sink), signal)];
}
