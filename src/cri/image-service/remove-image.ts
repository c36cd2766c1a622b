import { GantryError } from '../../base/index.ts';
import type { RemoveImageRequest, RemoveImageResponseInit } from '../../cri-types/index.ts';
import type { Rpc } from '../context.ts';

/**
 * Idempotent. Whatever name is given, the image goes with all of its names: CRI knows images, not references to them, and
 * so do containerd and critest. Containers that use it run on.
 */
export const removeImage: Rpc<RemoveImageRequest, RemoveImageResponseInit> = async (
  { images },
  { image },
) => {
  const name = image?.image ?? '';
  if (name === '') {
    throw new GantryError({
      code: 'invalid-argument',
      operation: 'remove image',
      message: 'RemoveImage names no image',
    });
  }
  const found = images.find(name);
  if (found !== undefined) await images.remove(found.id);
  return {};
};
