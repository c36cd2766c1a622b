/** The parts of an image service, made once in `index.ts` and handed to the operations, a file each. */
import type { FileMutex, Logger } from '../base/index.ts';
import type {
  Flights,
  LayerMounts,
  LayerStore,
  LayerUsers,
  StoredLayer,
  WantedLayers,
} from './layers/index.ts';
import type { Platform } from './platform.ts';
import type { HttpClient, InsecureOption, TokenCache } from './registry/index.ts';
import type { ImageStore } from './store.ts';

export interface ImageParts {
  readonly settings: ImageSettings;
  readonly platform: Platform;
  /** What changes records, layers' names or their mounts happens under it, in any process that uses the root; see README.md. */
  readonly lock: FileMutex;
  readonly images: ImageStore;
  readonly layers: LayerStore;
  readonly users: LayerUsers;
  readonly mounts: LayerMounts;
  readonly wanted: WantedLayers;
  /** By diffId: a layer is made once, however many pulls wait for it. */
  readonly flights: Flights<StoredLayer>;
  readonly http: HttpClient;
  readonly tokens: TokenCache;
  readonly log: Logger;
}

export interface ImageSettings {
  readonly registriesDir: string;
  /** Layers fetched and converted at once, a pull. */
  readonly pullConcurrency: number;
  /** Bytes a second, averaged over `rateWindowMs`. */
  readonly pullMinimumRate: number;
  readonly rateWindowMs: number;
  readonly insecure: readonly InsecureOption[];
}
