import type { ImageFsInfoRequest, ImageFsInfoResponseInit } from '../../cri-types/index.ts';
import type { Rpc } from '../context.ts';

/** Layers and writable layers lie below one root: one file system for both, as the kubelet's eviction sees it. */
export const imageFsInfo: Rpc<ImageFsInfoRequest, ImageFsInfoResponseInit> = async ({ images }) => {
  const { timestamp, mountpoint, usedBytes, inodesUsed } = await images.usage();
  const filesystem = {
    timestamp,
    fsId: { mountpoint },
    usedBytes: { value: usedBytes },
    inodesUsed: { value: inodesUsed },
  };
  return { imageFilesystems: [filesystem], containerFilesystems: [filesystem] };
};
