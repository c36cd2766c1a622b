/**
 * Layers as EROFS files: `<directory>/<key>.erofs` with a record `<key>.json` beside it. The key is diffId and converter
 * version, so one layer is stored once whatever it was compressed with, and a new converter makes its own files.
 */
import { constants, readdirSync, readFileSync, statSync } from 'node:fs';
import { type FileHandle, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  errno,
  GantryError,
  type Logger,
  makeDirectory,
  native,
  sweepTemporaryFiles,
  systemError,
  temporarySuffix,
} from '../../base/index.ts';
import { hashHostFile } from '../../host-files/index.ts';
import { type Conversion, convertLayer } from './converter.ts';
import { converterVersion } from './converter-process.ts';
import type { ExpectedLayer, LayerFeed, LayerStore, StoredLayer } from './types.ts';

export class ErofsStore implements LayerStore {
  readonly format = 'erofs';
  readonly #directory: string;
  readonly #log: Logger;
  /** Records that were read once; whether the file is whole is asked each time. */
  readonly #records = new Map<string, StoredLayer>();

  constructor(directory: string, log: Logger) {
    this.#directory = directory;
    this.#log = log;
  }

  async open(): Promise<void> {
    makeDirectory(this.#directory);
    for (const file of sweepTemporaryFiles(this.#directory))
      this.#log.info({ file }, 'removed what a dead process left of a layer');
  }

  find(diffId: string): StoredLayer | undefined {
    return this.get(this.keyFor(diffId));
  }

  keyFor(diffId: string): string {
    return keyOf(diffId, converterVersion());
  }

  get(key: string): StoredLayer | undefined {
    const record = this.#records.get(key) ?? this.#read(key);
    if (record === undefined) return undefined;
    this.#records.set(key, record);
    const { size } = statSync(this.path(key), { throwIfNoEntry: false }) ?? { size: -1 };
    return size === record.size ? record : undefined;
  }

  keys(): readonly string[] {
    const names = readdirSync(this.#directory).filter((name) => !name.startsWith('.'));
    return [...new Set(names.map((name) => name.replace(/\.(erofs|json)$/, '')))];
  }

  path(key: string): string {
    return join(this.#directory, `${key}.erofs`);
  }

  async add(expected: ExpectedLayer, source: LayerFeed, signal: AbortSignal): Promise<StoredLayer> {
    const temporary = join(this.#directory, temporarySuffix());
    const record = `${temporary}.json`;
    try {
      const layer = await this.#convert(temporary, expected, source, signal);
      await writeFile(record, `${JSON.stringify(layer)}\n`, { mode: 0o600, flush: true });
      if (this.get(layer.key) !== undefined) {
        // Another process was faster with the same layer, and may have mounted it.
        await Promise.all([rm(temporary), rm(record)]);
        return this.get(layer.key) ?? layer;
      }
      // The record first: a file without one is not a layer, a record without its file is neither.
      await rename(record, this.#recordPath(layer.key));
      await rename(temporary, this.path(layer.key));
      this.#records.set(layer.key, layer);
      return layer;
    } catch (error) {
      await Promise.all([rm(temporary, { force: true }), rm(record, { force: true })]);
      throw errno(error) === undefined ? error : systemError('store a layer in', this.#directory, error);
    }
  }

  async sync(): Promise<void> {
    const directory = await open(this.#directory, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }

  async remove(key: string): Promise<void> {
    this.#records.delete(key);
    await Promise.all([rm(this.path(key), { force: true }), rm(this.#recordPath(key), { force: true })]);
  }

  async verify(layer: StoredLayer): Promise<void> {
    const file = await open(this.path(layer.key), constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const sealed = layer.verity === undefined ? undefined : measure(file);
      const [kind, expected, actual] =
        sealed === undefined
          ? (['digest', layer.digest, await hashHostFile(this.path(layer.key), layer.size)] as const)
          : (['fs-verity digest', layer.verity, sealed] as const);
      if (actual !== expected)
        throw corrupt(layer, this.path(layer.key), `${kind} ${actual}, recorded ${expected}`);
    } finally {
      await file.close();
    }
  }

  async mount(key: string, target: string): Promise<void> {
    await native().mountErofs(this.path(key), target);
  }

  async unmount(target: string): Promise<void> {
    await native().unmount(target);
  }

  async usage(): Promise<{ bytes: number; inodes: number }> {
    const names = await readdir(this.#directory);
    const sizes = await Promise.all(
      names.map(async (name) => {
        const found = await stat(join(this.#directory, name)).catch(() => undefined);
        return found === undefined ? 0 : found.blocks * 512;
      }),
    );
    return { bytes: sizes.reduce((sum, size) => sum + size, 0), inodes: names.length + 1 };
  }

  async #convert(
    path: string,
    expected: ExpectedLayer,
    source: LayerFeed,
    signal: AbortSignal,
  ): Promise<StoredLayer> {
    const file = await open(path, 'wx+', 0o600);
    try {
      const result = await convertLayer(file.fd, source, signal);
      checkExpected(result, expected);
      await file.sync();
      const layer: StoredLayer = {
        key: keyOf(result.diffId, result.converter),
        diffId: result.diffId,
        digest: result.erofsDigest,
        size: result.erofsSize,
        converter: result.converter,
        ...(result.impliedDirectories.length === 0 ? {} : { impliedDirectories: result.impliedDirectories }),
        ...(result.rootOpaque ? { rootOpaque: true } : {}),
      };
      await file.close();
      const verity = await seal(path);
      return verity === undefined ? layer : { ...layer, verity };
    } finally {
      await file.close().catch(() => undefined);
    }
  }

  #recordPath(key: string): string {
    return join(this.#directory, `${key}.json`);
  }

  /** Undefined where there is none, or no whole one. Errors: those of the file system, which must not count as absence. */
  #read(key: string): StoredLayer | undefined {
    try {
      const record = JSON.parse(readFileSync(this.#recordPath(key), 'utf8')) as StoredLayer;
      return record.key === key && typeof record.size === 'number' && typeof record.digest === 'string'
        ? record
        : undefined;
    } catch (error) {
      if (error instanceof SyntaxError || errno(error) === 'ENOENT') return undefined;
      throw systemError('read the record of a layer in', this.#recordPath(key), error);
    }
  }
}

/** `<64 hex digits>-v<converter>`: also the mount point's name. */
export function keyOf(diffId: string, converter: string): string {
  return `${diffId.replace(/^sha256:/, '')}-v${converter}`;
}

function checkExpected(result: Conversion, expected: ExpectedLayer): void {
  const wrong = (what: string, actual: string | number, wanted: string | number): GantryError =>
    new GantryError({
      code: 'data-loss',
      operation: 'verify layer',
      subject: expected.digest ?? expected.diffId ?? '',
      message: `layer ${expected.digest ?? expected.diffId}: its ${what} is ${actual}, expected ${wanted}`,
    });
  const { digest, size, diffId } = expected;
  if (digest !== undefined && result.compressedDigest !== digest)
    throw wrong('digest', result.compressedDigest, digest);
  if (size !== undefined && result.compressedSize !== size) throw wrong('size', result.compressedSize, size);
  if (diffId !== undefined && result.diffId !== diffId) throw wrong('diff ID', result.diffId, diffId);
}

/** Seals the file with fs-verity where kernel and file system can; its measured digest, or undefined. */
async function seal(path: string): Promise<string | undefined> {
  const file = await open(path, constants.O_RDONLY);
  try {
    await native().fsVerityEnable(file.fd);
    return native().fsVerityMeasure(file.fd);
  } catch (error) {
    if (['EOPNOTSUPP', 'ENOTTY', 'EINVAL', 'ENOSYS'].includes(errno(error) ?? '')) return undefined;
    throw error;
  } finally {
    await file.close();
  }
}

/** Undefined when the seal is gone (a power cut, a copy): then the content is hashed. */
function measure(file: FileHandle): string | undefined {
  try {
    return native().fsVerityMeasure(file.fd);
  } catch (error) {
    if (errno(error) === 'ENODATA' || errno(error) === 'EOPNOTSUPP' || errno(error) === 'ENOTTY')
      return undefined;
    throw error;
  }
}

function corrupt(layer: StoredLayer, path: string, what: string): GantryError {
  return new GantryError({
    code: 'data-loss',
    operation: 'verify layer',
    subject: layer.key,
    message: `layer ${layer.diffId} is damaged: ${path} has ${what}; pull the image again`,
  });
}
