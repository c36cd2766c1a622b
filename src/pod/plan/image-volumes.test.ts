import { describe, expect, it } from 'vitest';
import { complete, type Mount, type MountInit } from '../../cri-types/index.ts';
import type { ImageRecord, ImageService } from '../../image/index.ts';
import { type LayerMount, Stage1Error } from '../../stage1/index.ts';
import {
  asImageVolumeError,
  checkImageVolumes,
  manifestVolumes,
  requireVolumeImages,
} from './image-volumes.ts';

const volume = (init: MountInit = {}): Mount =>
  complete('Mount', {
    containerPath: '/v',
    readonly: true,
    image: { image: 'sha256:1', userSpecifiedImage: 'files:1' },
    ...init,
  });
const thrown = (run: () => unknown): unknown => {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error('it succeeded');
};
const failed = (message: string) => ({
  code: 'unknown',
  message: expect.stringContaining(`ImageVolumeMountFailed: /v: ${message}`) as string,
});

describe('image volumes', () => {
  it.each<[string, MountInit]>([
    ['whole', {}],
    ['a sub-path', { imageSubPath: 'a/b..c/d' }],
    ['recursive read-only', { recursiveReadOnly: true }],
    ['to be labelled', { selinuxRelabel: true }],
    ['in the host’s propagation', { propagation: 'PROPAGATION_HOST_TO_CONTAINER' }],
    ['a host path, no image', { image: undefined, hostPath: '/x', readonly: false }],
  ])('may be %s', (_what, init) => {
    expect(() => checkImageVolumes([volume(init)])).not.toThrow();
  });

  it.each<[string, MountInit, string]>([
    ['without a name', { image: {} }, 'its image has no name'],
    ['a host path too', { hostPath: '/x' }, 'both an image and the host path /x'],
    ['writable', { readonly: false }, 'image volumes are read-only'],
    ['bidirectional', { propagation: 'PROPAGATION_BIDIRECTIONAL' }, 'mounts cannot propagate'],
    ['an absolute sub-path', { imageSubPath: '/etc' }, 'sub-path "/etc" must be relative'],
    ['a climbing sub-path', { imageSubPath: 'a/../..' }, 'sub-path "a/../.." must be relative'],
    [
      'a sub-path of a host path',
      { image: undefined, hostPath: '/x', imageSubPath: 'a' },
      'image_sub_path "a" without',
    ],
  ])('may not be %s', (_what, init, message) => {
    expect(thrown(() => checkImageVolumes([volume(init)]))).toMatchObject(failed(message));
  });

  it('need images that are here', () => {
    const record = { id: 'sha256:1' } as ImageRecord;
    const find = (name: string) => (name === 'sha256:1' ? record : undefined);
    const images = { find } as Partial<ImageService> as ImageService;
    const plain = volume({ image: undefined, hostPath: '/x' });
    expect(requireVolumeImages(images, [plain, volume(), volume()])).toEqual([record, record]);
    const absent = volume({ image: { image: 'absent:1' } });
    expect(thrown(() => requireVolumeImages(images, [absent]))).toMatchObject(
      failed('failed to resolve image "absent:1": not found; pull it first'),
    );
  });

  it('are in the manifest by their order', () => {
    const layer = { mountpoint: '/l' } as LayerMount;
    const mounts = [volume(), volume({ image: undefined, hostPath: '/x' }), volume({ imageSubPath: 'etc' })];
    expect(manifestVolumes(mounts, [[layer], []])).toEqual([
      { layers: [layer] },
      { layers: [], subPath: 'etc' },
    ]);
  });

  it('that stage1 cannot mount are told in the kubelet’s words, other failures as they are', () => {
    const wire = { errnoValue: 2, operation: 'mount image volume', subject: '/v', message: 'why' };
    const told = (mount: Mount, changes = {}) =>
      thrown(() => asImageVolumeError([mount])(new Stage1Error({ ...wire, ...changes })));
    expect(told(volume({ imageSubPath: 'gone' }))).toMatchObject(
      failed('sub-path "gone" does not exist in image files:1'),
    );
    expect(told(volume())).toMatchObject(failed('mount image volume /v: '));
    expect(told(volume(), { operation: 'open_tree' })).toMatchObject({ code: 'invalid-argument' });
  });
});
