/** What a rogue registry does wrong, for tests of more than one kind. */
import { randomBytes } from 'node:crypto';
import { imageOf, layerOf, type TestImage, tarOf } from './images.ts';
import { type Mischief, sendHonestly } from './rogue.ts';

/** Three MiB that do not compress. */
export const bigImage = (): TestImage => imageOf([layerOf(tarOf({ noise: randomBytes(3 << 20) }))]);

export const isLayer = (image: TestImage, url: string | undefined): boolean =>
  url?.includes(image.layers[0]?.digest ?? '-') ?? false;

export function replaceManifest(bytes: Buffer): Mischief {
  return (request, response, blob) => {
    if (!request.url?.includes('/manifests/') || blob === undefined) return false;
    sendHonestly(request, response, { ...blob, bytes });
    return true;
  };
}

export function replaceLayer(image: TestImage, change: (bytes: Buffer) => Buffer): Mischief {
  return (request, response, blob) => {
    if (!isLayer(image, request.url) || blob === undefined) return false;
    sendHonestly(request, response, { ...blob, bytes: change(blob.bytes) });
    return true;
  };
}

export function replaceConfig(image: TestImage): Mischief {
  return (request, response, blob) => {
    if (!request.url?.includes(image.config.digest) || blob === undefined) return false;
    sendHonestly(request, response, { ...blob, bytes: Buffer.from(`${blob.bytes} `) });
    return true;
  };
}

export function flip(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy[700] = (copy[700] ?? 0) ^ 1;
  return copy;
}

/** A valid archive of the same length, with other content. */
export function sameLength(image: TestImage): Buffer {
  const other = tarOf({ 'etc/other': 'x' });
  const wanted = image.layers[0]?.bytes.length ?? 0;
  return Buffer.concat([other, Buffer.alloc(Math.max(0, wanted - other.length))]).subarray(0, wanted);
}
