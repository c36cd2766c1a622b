import type { AppResource } from './types.ts';

/** The layers of the container's image, and of those that its mounts show: mounted for as long as it uses them. */
export const layers: AppResource = {
  async make(host, making) {
    making.layers = await host.images.acquireImages(making.images, making.entry.id);
  },
  async release(host, container) {
    await host.images.releaseLayers(container.id);
  },
};
