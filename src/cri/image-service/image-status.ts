import type { ImageStatusRequest, ImageStatusResponseInit } from '../../cri-types/index.ts';
import { chainId, type ImageRecord, type ImageService } from '../../image/index.ts';
import type { Rpc } from '../context.ts';
import { encodedImage } from '../encoded.ts';
import { imagesOfForeignPods } from './image-message.ts';

/** An image that is not here is an answer without one, no error (api.proto, ImageStatus). */
export const imageStatus: Rpc<ImageStatusRequest, ImageStatusResponseInit> = async (
  { images, pods },
  { image: spec, verbose },
) => {
  const image = images.find(spec?.image ?? '');
  if (image === undefined) return {};
  return {
    image: encodedImage(image, imagesOfForeignPods(pods).has(image.id)),
    ...(verbose ? { info: { info: JSON.stringify(verboseInfo(images, image)) } } : {}),
  };
};

/** `chainID` and `imageSpec` as containerd's clients know them; the layers are ours. */
function verboseInfo(images: ImageService, image: ImageRecord): object {
  const config = images.documents(image.id)?.config.toString() ?? '{}';
  const imageSpec = JSON.parse(config) as { rootfs?: { diff_ids?: readonly string[] } };
  return {
    chainID: chainId(imageSpec.rootfs?.diff_ids ?? []),
    imageSpec,
    layers: image.layers,
  };
}
