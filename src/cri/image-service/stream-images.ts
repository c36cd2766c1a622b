import type { StreamImagesRequest, StreamImagesResponseInit } from '../../cri-types/index.ts';
import { chunks } from '../chunks.ts';
import type { StreamRpc } from '../context.ts';
import { encodedImage } from '../encoded.ts';
import { imagesOfForeignPods } from './image-message.ts';
import { selectImages } from './list-images.ts';

export const streamImages: StreamRpc<StreamImagesRequest, StreamImagesResponseInit> = async function* (
  { images, pods },
  { filter },
) {
  const pinned = imagesOfForeignPods(pods);
  for (const part of chunks(selectImages(images, filter))) {
    yield { images: part.map((image) => encodedImage(image, pinned.has(image.id))) };
  }
};
