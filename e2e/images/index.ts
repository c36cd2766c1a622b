export { busybox } from './bases.ts';
export { imageHosts, writeHosts } from './hosts.ts';
export { type Image, makeImage, makeIndex, type RunConfig } from './image.ts';
export { layerOfTar, makeLayer, sha256 } from './layer.ts';
export { Pusher } from './push.ts';
export { freePort, type Registry, type RegistryOptions, startRegistry } from './registry.ts';
export { imageStorage, keptStorage } from './store.ts';
export { Tree } from './tree.ts';
