import { GantryError } from '../../base/index.ts';
import type { RemoveImageRequest, RemoveImageResponseInit } from '../../cri-types/index.ts';
import type { Rpc } from '../context.ts';

/** Idempotent. An ID removes the image with all of its names; containers that use it run on. */
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
  await images.remove(name);
  return {};
};
