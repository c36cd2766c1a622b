/** The door's implementation: lookups in memory, everything longer in a file of its own. */
import { createHash } from 'node:crypto';
import { errorCode, GantryError, nowNanoseconds } from '../base/index.ts';
import type { LayerMount } from '../stage1/index.ts';
import { pullError } from './errors.ts';
import { findImage } from './find.ts';
import { collectLayers, setAsideBroken } from './gc.ts';
import { importArchive } from './import-archive.ts';
import { Flights } from './layers/index.ts';
import { withoutReference } from './names.ts';
import type { ImageParts } from './parts.ts';
import { pullImage } from './pull.ts';
import { reconcileLayers } from './reconcile.ts';
import { formatReference, parseReference } from './reference.ts';
import type { FilesystemUsage, ImageDocuments, ImageRecord, ImageService, PullOptions } from './types.ts';
import { verifyImage } from './verify.ts';

/** How long a usage figure is good for; the kubelet asks every ten seconds. */
const USAGE_AGE_MS = 5000;

export class LocalImageService implements ImageService {
  readonly #parts: ImageParts;
  readonly #layersDirectory: string;
  readonly #startedAt = Date.now();
  readonly #pulls = new Flights<ImageRecord>();
  #usage: { readonly at: number; readonly value: FilesystemUsage } | undefined;

  constructor(parts: ImageParts, layersDirectory: string) {
    this.#parts = parts;
    this.#layersDirectory = layersDirectory;
  }

  async pull(text: string, options: PullOptions): Promise<ImageRecord> {
    const reference = parseReference(text);
    const name = formatReference(reference);
    // Only those with the same credentials share a pull: being let in is the registry's word to each of them.
    const who = createHash('sha256')
      .update(JSON.stringify(options.auth ?? null))
      .digest('hex');
    try {
      return await this.#pulls.join(`${name} ${who}`, options.signal, (signal) =>
        pullImage(this.#parts, reference, { ...options, signal }),
      );
    } catch (error) {
      throw pullError(name, error);
    } finally {
      this.#usage = undefined;
    }
  }

  async importArchive(file: string, signal: AbortSignal): Promise<ImageRecord[]> {
    this.#usage = undefined;
    return await importArchive(this.#parts, file, signal);
  }

  list(): readonly ImageRecord[] {
    return this.#parts.images.list();
  }

  find(reference: string): ImageRecord | undefined {
    return findImage(this.#parts.images, reference);
  }

  async remove(reference: string): Promise<void> {
    const { images, lock } = this.#parts;
    await lock.run(async () => {
      const image = this.find(reference);
      if (image === undefined) return;
      const name = nameIn(image, reference);
      const rest = name === undefined ? undefined : withoutReference(image, name);
      if (rest === undefined) images.delete(image.id);
      else images.update(rest);
      await this.#collect();
    });
    this.#usage = undefined;
    await this.#parts.mounts.unmountUnused();
  }

  async usage(): Promise<FilesystemUsage> {
    if (this.#usage === undefined || performance.now() - this.#usage.at > USAGE_AGE_MS) {
      const { bytes, inodes } = await this.#parts.layers.usage();
      const mountpoint = this.#layersDirectory;
      const value = { timestamp: nowNanoseconds(), mountpoint, usedBytes: bytes, inodesUsed: inodes };
      this.#usage = { at: performance.now(), value };
    }
    return { ...this.#usage.value, timestamp: nowNanoseconds() };
  }

  async acquireImages(
    images: readonly ImageRecord[],
    containerId: string,
  ): Promise<readonly (readonly LayerMount[])[]> {
    try {
      const all = images.flatMap(({ layers }) => layers);
      const mounts = [...(await this.#parts.mounts.acquire(all, containerId))];
      return images.map(({ layers }) => mounts.splice(0, layers.length));
    } catch (error) {
      if (errorCode(error) !== 'data-loss') throw error;
      for (const { id } of images) if (this.#parts.images.read(id) === undefined) throw removed(id);
      await this.#dropDamaged(error);
      throw error;
    }
  }

  async releaseLayers(containerId: string): Promise<void> {
    await this.#parts.mounts.release(containerId);
  }

  async reconcile(users: ReadonlyMap<string, readonly ImageRecord['id'][]>): Promise<void> {
    await reconcileLayers(this.#parts, users, this.#startedAt);
  }

  documents(id: string): ImageDocuments | undefined {
    const stored = this.#parts.images.read(id);
    if (stored === undefined) return undefined;
    return { manifest: Buffer.from(stored.manifest, 'base64'), config: Buffer.from(stored.config, 'base64') };
  }

  async verify(id: string): Promise<readonly string[]> {
    return await verifyImage(this.#parts, id);
  }

  async collectGarbage(): Promise<readonly string[]> {
    await this.#parts.mounts.unmountUnused();
    return await this.#parts.lock.run(() => {
      setAsideBroken(this.#parts.images);
      return this.#collect();
    });
  }

  async close(): Promise<void> {
    this.#parts.http.close();
    await this.#parts.mounts.close();
  }

  async #collect(): Promise<readonly string[]> {
    return await collectLayers({ ...this.#parts, wanted: this.#parts.wanted.keys() });
  }

  /** Images with a damaged layer are no longer shown: the kubelet then pulls them again, and they are whole. */
  async #dropDamaged(error: unknown): Promise<void> {
    const key = error instanceof GantryError ? error.subject : undefined;
    if (key === undefined) return;
    const { lock, layers, images, log } = this.#parts;
    log.error({ layer: key, error: String(error) }, 'damaged layer removed; its images must be pulled again');
    await lock.run(() => layers.remove(key));
    images.recheck();
  }
}

function removed(id: string): GantryError {
  return new GantryError({
    code: 'not-found',
    operation: 'mount image',
    subject: id,
    message: `image ${id} not found: it was removed a moment ago; pull it first`,
  });
}

/** The name of `image` that `reference` means; undefined when it is an ID. */
function nameIn(image: ImageRecord, reference: string): string | undefined {
  try {
    const name = formatReference(parseReference(reference));
    return image.repoTags.includes(name) || image.repoDigests.includes(name) ? name : undefined;
  } catch {
    return undefined;
  }
}
