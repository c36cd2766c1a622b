/**
 * Image records: one JSON file an image, durable before it is announced. Several processes may use one directory: what
 * is in memory is brought up to date whenever the directory changed. Names are an index over the records, kept nowhere.
 */
import { readdirSync, readFileSync, renameSync, rmSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import {
  describeError,
  errno,
  GantryError,
  type Logger,
  makeDirectory,
  sweepTemporaryFiles,
  syncDirectory,
  writeJsonAtomic,
} from '../base/index.ts';
import { ForeignRecord, parseRecord, type StoredImage } from './record.ts';
import type { ImageRecord } from './types.ts';

export interface ImageStoreOptions {
  readonly directory: string;
  readonly quarantine: string;
  /** Whether a layer is whole on disk. Throws when that cannot be told now. */
  readonly hasLayer: (key: string) => boolean;
  readonly log: Logger;
}

interface Loaded {
  readonly image: ImageRecord;
  readonly targets: readonly string[];
  /** Keys of layers that are not there; such an image is not shown. */
  readonly missing: readonly string[];
  readonly stamp: string;
}

/** A change in the same tick of the file system's clock would go unseen, so a fresh directory is read again. */
const CLOCK_TICK_MS = 50;

export class ImageStore {
  readonly #options: ImageStoreOptions;
  readonly #loaded = new Map<string, Loaded>();
  /** Records that are there and cannot be read now, or are a newer release's: why, by file name. */
  readonly #unknown = new Map<string, string>();
  #names = new Map<string, ImageRecord>();
  #list: readonly ImageRecord[] = [];
  #seen = '';

  constructor(options: ImageStoreOptions) {
    this.#options = options;
    makeDirectory(options.directory);
    makeDirectory(options.quarantine);
    sweepTemporaryFiles(options.directory);
  }

  list(): readonly ImageRecord[] {
    this.#refresh();
    return this.#list;
  }

  byId(id: string): ImageRecord | undefined {
    return this.list().find((image) => image.id === id);
  }

  /** By a full tag or digest reference. */
  byName(name: string): ImageRecord | undefined {
    this.#refresh();
    return this.#names.get(name);
  }

  /** By the digest of a manifest or index that led to it. */
  byTarget(digest: string): ImageRecord | undefined {
    return this.list().find((image) => this.#loaded.get(image.id)?.targets.includes(digest));
  }

  /** Whether there are records of which nobody here knows the layers: then none may go. */
  get hasUnknown(): boolean {
    this.#refresh();
    return this.#unknown.size > 0;
  }

  /** Whole or not. */
  referencedLayers(): Set<string> {
    this.#refresh();
    return new Set([...this.#loaded.values()].flatMap(({ image }) => image.layers.map((layer) => layer.key)));
  }

  /** Records whose layers are gone or short. */
  broken(): readonly ImageRecord[] {
    this.#refresh();
    return [...this.#loaded.values()]
      .filter((loaded) => loaded.missing.length > 0)
      .map((loaded) => loaded.image);
  }

  /** With its documents, from disk; undefined when absent. Errors: failed-precondition for a newer release's that is not understood. */
  read(id: string): StoredImage | undefined {
    const path = this.#path(id);
    try {
      return parseRecord(readFileSync(path, 'utf8'));
    } catch (error) {
      if (errno(error) === 'ENOENT') return undefined;
      if (!(error instanceof ForeignRecord)) throw error;
      throw new GantryError({
        code: 'failed-precondition',
        operation: 'read image record',
        subject: path,
        message: `image ${id} has a record that this release cannot change: ${error.message}; let that release remove the image, or remove ${path}`,
      });
    }
  }

  /** Durable when it returns. Under the store's lock. */
  write(stored: StoredImage): void {
    writeJsonAtomic(this.#path(stored.image.id), stored, { durable: true });
    this.#forget();
  }

  /** Replaces what the API shows of an image that is there. Under the store's lock. */
  update(image: ImageRecord): void {
    const stored = this.read(image.id);
    if (stored !== undefined) this.write({ ...stored, image });
  }

  /** Idempotent, durable. Under the store's lock. */
  delete(id: string): void {
    rmSync(this.#path(id), { force: true });
    syncDirectory(this.#options.directory);
    this.#forget();
  }

  /** Sets a record aside where a person can look at it. Under the store's lock. */
  quarantine(id: string, why: string): void {
    this.#setAside(fileName(id), why);
    this.#forget();
  }

  /** Layers were changed: which images are whole is asked anew. */
  recheck(): void {
    this.#loaded.clear();
    this.#forget();
  }

  #refresh(): void {
    const stamp = this.#directoryStamp();
    if (stamp === this.#seen) return;
    const present = new Set<string>();
    const names = readdirSync(this.#options.directory).filter((name) => /^[0-9a-f]{64}\.json$/.test(name));
    for (const name of this.#unknown.keys()) if (!names.includes(name)) this.#unknown.delete(name);
    for (const name of names) {
      const id = `sha256:${name.slice(0, 64)}`;
      if (this.#load(id, name)) present.add(id);
    }
    for (const id of this.#loaded.keys()) if (!present.has(id)) this.#loaded.delete(id);
    this.#index();
    // What could not be read is looked at again the next time.
    this.#seen = this.#unknown.size > 0 ? '' : stamp;
  }

  /** Whether there is an image of that ID. */
  #load(id: string, name: string): boolean {
    try {
      const isThere = this.#loadRecord(id, name);
      this.#unknown.delete(name);
      return isThere;
    } catch (error) {
      if (errno(error) === 'ENOENT') return false;
      if (errno(error) === undefined && !(error instanceof ForeignRecord)) {
        this.#setAside(name, describeError(error));
        return false;
      }
      this.#keepUnknown(name, describeError(error));
      // What was known of it before holds.
      return this.#loaded.has(id);
    }
  }

  /** Errors: those of the file system; ForeignRecord; another one for what is no record. */
  #loadRecord(id: string, name: string): boolean {
    const path = join(this.#options.directory, name);
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return false;
    const stamp = stampOf(stats);
    if (this.#loaded.get(id)?.stamp === stamp) return true;
    const { image, targets } = parseRecord(readFileSync(path, 'utf8'));
    if (image.id !== id) throw new Error(`it is the record of ${image.id}`);
    const missing = image.layers.map((layer) => layer.key).filter((key) => !this.#options.hasLayer(key));
    if (missing.length > 0) {
      const subject = { image: id, tags: image.repoTags, missing };
      this.#options.log.warn(subject, 'image has lost layers and is not shown; pull it again');
    }
    this.#loaded.set(id, { image, targets, missing, stamp });
    return true;
  }

  /** Logged once a reason. */
  #keepUnknown(name: string, why: string): void {
    if (this.#unknown.get(name) !== why)
      this.#options.log.error({ record: name, why }, 'image record is not understood; it is left as it is');
    this.#unknown.set(name, why);
  }

  #setAside(name: string, why: string): void {
    const target = join(this.#options.quarantine, `image-${name}`);
    try {
      renameSync(join(this.#options.directory, name), target);
      this.#options.log.error({ record: target, why }, 'image record set aside');
    } catch (error) {
      this.#options.log.error(
        { record: name, why, error: describeError(error) },
        'bad image record cannot be set aside',
      );
    }
  }

  /** A tag that two records claim (a crash between their updates) belongs to the younger one. */
  #index(): void {
    const whole = [...this.#loaded.values()].filter((loaded) => loaded.missing.length === 0);
    const images = whole.map((loaded) => loaded.image).sort((a, b) => (a.pulledAt < b.pulledAt ? -1 : 1));
    const names = new Map<string, ImageRecord>();
    for (const image of images)
      for (const name of [...image.repoTags, ...image.repoDigests]) names.set(name, image);
    this.#list = images.map((image) => {
      const repoTags = image.repoTags.filter((tag) => names.get(tag) === image);
      if (repoTags.length === image.repoTags.length) return image;
      const shown = { ...image, repoTags };
      for (const name of [...repoTags, ...image.repoDigests])
        if (names.get(name) === image) names.set(name, shown);
      return shown;
    });
    this.#names = names;
  }

  #directoryStamp(): string {
    const stats = statSync(this.#options.directory);
    const stamp = stampOf(stats);
    return Date.now() - stats.mtimeMs > CLOCK_TICK_MS ? stamp : `${stamp} fresh ${performance.now()}`;
  }

  #forget(): void {
    this.#seen = '';
  }

  #path(id: string): string {
    return join(this.#options.directory, fileName(id));
  }
}

function fileName(id: string): string {
  return `${id.replace(/^sha256:/, '')}.json`;
}

function stampOf(stats: Stats): string {
  return `${stats.ino} ${stats.size} ${stats.mtimeMs}`;
}
