/** Image volumes (KEP-4639): mounts that show an image's files. Which of them there may be, and which images they need. */
import { posix } from 'node:path';
import { describeError, errorCode, GantryError, type OciSpec } from '../../base/index.ts';
import type { Mount } from '../../cri-types/index.ts';
import type { ImageRecord, ImageService } from '../../image/index.ts';
import { imageVolumeMounts } from '../../security/index.ts';
import { type ImageVolume, isStage1Errno, type LayerMount, Stage1Error } from '../../stage1/index.ts';

export { imageVolumeMounts };

/** Errors: `unknown` with the word that the kubelet knows. Pure. */
export function checkImageVolumes(mounts: readonly Mount[]): void {
  for (const { containerPath, hostPath, image, imageSubPath, ...mount } of mounts) {
    const refuse = (why: string): never => {
      throw mountFailed(containerPath, why);
    };
    if (image === undefined) {
      if (imageSubPath !== '') refuse(`image_sub_path "${imageSubPath}" without an image`);
      continue;
    }
    if (image.image === '') refuse('its image has no name');
    if (hostPath !== '') refuse(`both an image and the host path ${hostPath}`);
    if (!mount.readonly) refuse('image volumes are read-only: readonly must be true');
    if (mount.propagation === 'PROPAGATION_BIDIRECTIONAL') refuse('mounts cannot propagate out of an image');
    if (posix.isAbsolute(imageSubPath) || imageSubPath.split('/').includes('..')) {
      refuse(`sub-path "${imageSubPath}" must be relative and without ".."`);
    }
  }
}

/** The images of these mounts, in their order. Errors: `unknown`, naming the one that is not here. */
export function requireVolumeImages(images: ImageService, mounts: readonly Mount[]): readonly ImageRecord[] {
  return imageVolumeMounts(mounts).map(({ containerPath, image }) => {
    try {
      return requireImage(images, image?.image ?? '');
    } catch (error) {
      throw errorCode(error) === 'not-found' ? mountFailed(containerPath, error) : error;
    }
  });
}

/** Errors: not-found. */
export function requireImage(images: ImageService, reference: string): ImageRecord {
  const image = images.find(reference);
  if (image !== undefined) return image;
  throw new GantryError({
    code: 'not-found',
    operation: 'create container',
    subject: reference,
    message: `failed to resolve image "${reference}": not found; pull it first`,
  });
}

/** For the manifest. */
export function manifestVolumes(
  mounts: readonly Mount[],
  layers: readonly (readonly LayerMount[])[],
): readonly ImageVolume[] {
  return imageVolumeMounts(mounts).map(({ imageSubPath }, index) => ({
    layers: layers[index] ?? [],
    ...(imageSubPath === '' ? {} : { subPath: imageSubPath }),
  }));
}

/** stage1's failure to mount one of these, in the kubelet's words; any other error as it is. */
export function asImageVolumeError(mounts: readonly Mount[]): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof Stage1Error) || error.operation !== 'mount image volume') throw error;
    const mount = imageVolumeMounts(mounts).find(({ containerPath }) => containerPath === error.subject);
    const { image, imageSubPath = '' } = mount ?? {};
    const name = image?.userSpecifiedImage || image?.image || '';
    const missing = imageSubPath !== '' && isStage1Errno(error, 'ENOENT');
    throw mountFailed(
      error.subject ?? '',
      missing ? `sub-path "${imageSubPath}" does not exist in image ${name}` : error,
    );
  };
}

/** stage1 that does not get a container's mounts done, with the paths that may be why; any other error as it is. */
export function asHungMount(mounts: OciSpec['mounts']): (error: unknown) => never {
  return (error) => {
    if (errorCode(error) !== 'deadline-exceeded') throw error;
    const sources = mounts.flatMap(({ source = '' }) => (source.startsWith('/') ? [source] : []));
    const paths = [...new Set(sources)].join(', ');
    throw new GantryError({
      code: 'deadline-exceeded',
      operation: 'mount volumes',
      subject: paths,
      message: `${describeError(error)}; look whether the file system of one of its volumes hangs: ${paths}`,
      cause: error,
    });
  };
}

function mountFailed(containerPath: string, why: unknown): GantryError {
  const text = why instanceof Error ? why.message : String(why);
  return new GantryError({
    code: 'unknown',
    operation: 'mount image volume',
    subject: containerPath,
    message: `ImageVolumeMountFailed: ${containerPath}: ${text}`,
  });
}
