import { join } from 'node:path';
import { FileMutex, type Logger, makeDirectory, paths, type Roots } from '../base/index.ts';
import {
  ErofsStore,
  Flights,
  LayerMounts,
  LayerUsers,
  type StoredLayer,
  WantedLayers,
} from './layers/index.ts';
import type { ImageSettings } from './parts.ts';
import { hostPlatform } from './platform.ts';
import { HttpClient, type InsecureOption, TokenCache } from './registry/index.ts';
import { LocalImageService } from './service.ts';
import { ImageStore } from './store.ts';
import type { ImageService } from './types.ts';

export { chainId } from './formats/index.ts';
export { formatReference, parseCommandLineReference, parseReference, type Reference } from './reference.ts';
export type { InsecureOption } from './registry/index.ts';
export { loginFor } from './registry/index.ts';
export type * from './types.ts';

/** The part of ServerConfig that images need. */
export interface ImageServiceConfig
  extends Roots,
    Pick<ImageSettings, 'registriesDir' | 'pullConcurrency' | 'pullMinimumRate'> {}

export interface ImageServiceDependencies {
  readonly log: Logger;
  /**
   * How long a layer stays mounted after its last container, in milliseconds: a restarted container finds it verified.
   * A short-lived command says 0: nobody would be left to unmount.
   */
  readonly layerGraceMs?: number;
  /** What the command was told to do without. */
  readonly insecure?: readonly InsecureOption[];
  /** Over how long pullMinimumRate is averaged, in milliseconds. */
  readonly rateWindowMs?: number;
}

const LAYER_GRACE_MS = 2000;
const RATE_WINDOW_MS = 10_000;
/** A server may think about a document for longer than it may pause in a layer. */
const DOCUMENT_WINDOWS = 6;

/** Opens (or makes) the image store below `config.root`. Call `reconcile` once live containers are known. */
export async function createImageService(
  config: ImageServiceConfig,
  {
    log,
    layerGraceMs = LAYER_GRACE_MS,
    rateWindowMs = RATE_WINDOW_MS,
    insecure = [],
  }: ImageServiceDependencies,
): Promise<ImageService> {
  const layers = new ErofsStore(paths.layers(config), log);
  await layers.open();
  const directory = paths.images(config);
  makeDirectory(directory);
  const lock = new FileMutex(join(directory, '.lock'));
  const hasLayer = (key: string): boolean => layers.get(key) !== undefined;
  const images = await lock.run(
    () => new ImageStore({ directory, quarantine: paths.quarantine(config), hasLayer, log }),
  );
  const users = new LayerUsers(join(config.state, 'layer-users'));
  const mounts = new LayerMounts({
    directory: paths.layerMounts(config),
    layers,
    users,
    lock,
    graceMs: layerGraceMs,
    log,
  });
  const { registriesDir, pullConcurrency, pullMinimumRate } = config;
  const parts = {
    settings: { registriesDir, pullConcurrency, pullMinimumRate, rateWindowMs, insecure },
    platform: hostPlatform(),
    lock,
    images,
    layers,
    users,
    mounts,
    wanted: new WantedLayers(),
    flights: new Flights<StoredLayer>(),
    http: new HttpClient(process.env, {
      minimumRate: pullMinimumRate,
      windowMs: rateWindowMs * DOCUMENT_WINDOWS,
    }),
    tokens: new TokenCache(),
    log,
  };
  return new LocalImageService(parts, paths.layers(config));
}
