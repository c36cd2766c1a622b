export { isBadContent } from './converter.ts';
export { checkImplied, correctStack } from './correction.ts';
export { ErofsStore } from './erofs-store.ts';
export { Flights } from './flights.ts';
export { LayerMounts } from './mounts.ts';
export type { ExpectedLayer, LayerFeed, LayerStore, StoredLayer } from './types.ts';
export { LayerUsers } from './users.ts';
export { WantedLayers } from './wanted.ts';
