import { native } from '../../base/index.ts';
import type { ContainerConfig } from '../../cri-types/index.ts';
import type { ImageConfig } from '../../image/index.ts';
import { type ContainerAccount, layerReader, resolveAccount } from '../../security/index.ts';
import type { LayerMount } from '../../stage1/index.ts';

/** Whom the container runs as, by the image's own /etc/passwd and /etc/group, read out of its mounted layers. */
export function resolveImageAccount(
  config: ContainerConfig,
  image: ImageConfig,
  layers: readonly LayerMount[],
): ContainerAccount {
  const reader = layerReader(
    layers.map(({ mountpoint }) => mountpoint),
    (directory) => native().xattrGet(directory, 'trusted.overlay.opaque') === 'y',
  );
  return resolveAccount(config.linux?.securityContext, image.user, {
    passwd: reader.read('/etc/passwd') ?? '',
    group: reader.read('/etc/group') ?? '',
  });
}
