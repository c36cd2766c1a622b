import type { ImageFilter, ListImagesRequest, ListImagesResponseInit } from '../../cri-types/index.ts';
import type { ImageRecord, ImageService } from '../../image/index.ts';
import type { Rpc } from '../context.ts';
import { encodedImage } from '../encoded.ts';
import { imagesOfForeignPods } from './image-message.ts';

export const listImages: Rpc<ListImagesRequest, ListImagesResponseInit> = async (
  { images, pods },
  { filter },
) => {
  const pinned = imagesOfForeignPods(pods);
  return { images: selectImages(images, filter).map((image) => encodedImage(image, pinned.has(image.id))) };
};

/** All of them, or the one that the filter names. */
export function selectImages(images: ImageService, filter: ImageFilter | undefined): readonly ImageRecord[] {
  const name = filter?.image?.image ?? '';
  if (name === '') return images.list();
  const image = images.find(name);
  return image === undefined ? [] : [image];
}
