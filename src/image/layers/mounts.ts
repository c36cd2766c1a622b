/**
 * Layers' mounts: one a layer and host, at `<state>/layers/<key>`, made and verified when the first container wants it,
 * removed when the last one is gone (after a grace, so that a restarted container does not pay for verification again).
 */
import { readdirSync, rmdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import {
  describeError,
  errno,
  type FileMutex,
  GantryError,
  type Logger,
  makeDirectory,
} from '../../base/index.ts';
import type { LayerMount } from '../../stage1/index.ts';
import type { LayerRef } from '../types.ts';
import { Flights } from './flights.ts';
import type { LayerStore } from './types.ts';
import type { LayerUsers } from './users.ts';

export interface LayerMountsOptions {
  /** `<state>/layers` */
  readonly directory: string;
  readonly layers: LayerStore;
  readonly users: LayerUsers;
  readonly lock: FileMutex;
  readonly graceMs: number;
  readonly log: Logger;
}

export class LayerMounts {
  readonly #options: LayerMountsOptions;
  readonly #mounting = new Flights<void>();
  #sweep: NodeJS.Timeout | undefined;

  constructor(options: LayerMountsOptions) {
    this.#options = options;
    makeDirectory(options.directory);
  }

  /** Idempotent. On failure the container uses nothing. 'data-loss': a layer is damaged or gone. */
  async acquire(layers: readonly LayerRef[], containerId: string): Promise<readonly LayerMount[]> {
    const { lock, users } = this.#options;
    const keys = [...new Set(layers.map((layer) => layer.key))];
    // Noted first: from here on nobody unmounts or removes these layers.
    const missing = await lock.run(() => {
      users.add(containerId, keys);
      return keys.filter((key) => !this.isMounted(key));
    });
    // All of them end before anything is undone, or a late mount would stay behind.
    const results = await Promise.allSettled(missing.map((key) => this.#mountOnce(key)));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) {
      await this.release(containerId);
      throw failed.reason;
    }
    return layers.map((layer) => ({
      mountpoint: this.#target(layer.key),
      digest: layer.digest,
      file: this.#options.layers.path(layer.key),
      format: this.#options.layers.format,
    }));
  }

  /** Idempotent. */
  async release(containerId: string): Promise<void> {
    await this.#options.lock.run(() => this.#options.users.remove(containerId));
    if (this.#options.graceMs === 0) return await this.unmountUnused();
    this.#sweep ??= setTimeout(() => {
      this.#sweep = undefined;
      this.unmountUnused().catch((error: unknown) => {
        this.#options.log.warn({ error: describeError(error) }, 'layers could not be unmounted');
      });
    }, this.#options.graceMs).unref();
  }

  /** Now, without a grace. */
  async unmountUnused(): Promise<void> {
    const { lock, users, layers, directory } = this.#options;
    await lock.run(async () => {
      const used = users.layersInUse();
      if (used === undefined) return;
      for (const key of readdirSync(directory)) {
        if (used.has(key)) continue;
        await layers.unmount(this.#target(key));
        removeEmptyDirectory(this.#target(key));
      }
    });
  }

  isMounted(key: string): boolean {
    const mounted = statSync(this.#target(key), { throwIfNoEntry: false });
    return mounted !== undefined && mounted.dev !== statSync(this.#options.directory).dev;
  }

  /** What is in use stays mounted; what only its grace kept does not. */
  async close(): Promise<void> {
    if (this.#sweep === undefined) return;
    clearTimeout(this.#sweep);
    this.#sweep = undefined;
    await this.unmountUnused();
  }

  /** Verification is outside of the lock, and once for all containers that wait for the mount. */
  async #mountOnce(key: string): Promise<void> {
    await this.#mounting.join(key, new AbortController().signal, async () => {
      const { layers, lock } = this.#options;
      const layer = layers.get(key);
      if (layer === undefined) throw lost(key, layers.path(key));
      await layers.verify(layer);
      await lock.run(async () => {
        if (this.isMounted(key)) return;
        makeDirectory(this.#target(key));
        await layers.mount(key, this.#target(key));
      });
    });
  }

  #target(key: string): string {
    return join(this.#options.directory, key);
  }
}

function removeEmptyDirectory(path: string): void {
  try {
    rmdirSync(path);
  } catch (error) {
    if (errno(error) !== 'ENOENT') throw error;
  }
}

function lost(key: string, path: string): GantryError {
  return new GantryError({
    code: 'data-loss',
    operation: 'mount layer',
    subject: key,
    message: `layer file ${path} is gone or short; pull the image again`,
  });
}
