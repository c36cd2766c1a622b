/**
 * Which container uses which layers: one small file a container below the state directory, so that every process on this
 * root knows, and a reboot, which ends all containers, forgets. Changed under the store's lock.
 */
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { errno, makeDirectory, sweepTemporaryFiles, writeJsonAtomic } from '../../base/index.ts';

export class LayerUsers {
  readonly #directory: string;
  /** A container's layers never change, so a file is read once. */
  readonly #known = new Map<string, readonly string[]>();

  constructor(directory: string) {
    this.#directory = directory;
    makeDirectory(directory);
    sweepTemporaryFiles(directory);
  }

  add(containerId: string, keys: readonly string[]): void {
    writeJsonAtomic(this.#path(containerId), { version: 1, layers: keys });
    this.#known.set(containerId, keys);
  }

  /** Idempotent. The layers that it used. */
  remove(containerId: string): readonly string[] {
    const keys = this.#layersOf(containerId) ?? [];
    rmSync(this.#path(containerId), { force: true });
    this.#known.delete(containerId);
    return keys;
  }

  containers(): readonly string[] {
    return readdirSync(this.#directory)
      .filter((name) => name.endsWith('.json'))
      .map((name) => name.slice(0, -'.json'.length));
  }

  /** When the container began to use layers, in milliseconds since the epoch. */
  since(containerId: string): number {
    return statSync(this.#path(containerId), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  }

  /** Undefined when that cannot be told now: then nothing may go. */
  layersInUse(): Set<string> | undefined {
    const containers = this.containers();
    const present = new Set(containers);
    for (const id of this.#known.keys()) if (!present.has(id)) this.#known.delete(id);
    const used = new Set<string>();
    for (const id of containers) {
      const layers = this.#layersOf(id);
      if (layers === undefined) return undefined;
      for (const key of layers) used.add(key);
    }
    return used;
  }

  /** Undefined for a file that cannot be read now, or is of another form than ours. */
  #layersOf(containerId: string): readonly string[] | undefined {
    const known = this.#known.get(containerId);
    if (known !== undefined) return known;
    try {
      const { layers } = JSON.parse(readFileSync(this.#path(containerId), 'utf8')) as { layers?: unknown };
      if (!Array.isArray(layers) || !layers.every((key) => typeof key === 'string')) return undefined;
      this.#known.set(containerId, layers);
      return layers;
    } catch (error) {
      // Gone meanwhile, or not whole: written by a process that died, before its container was.
      return errno(error) === 'ENOENT' || error instanceof SyntaxError ? [] : undefined;
    }
  }

  #path(containerId: string): string {
    return join(this.#directory, `${containerId}.json`);
  }
}
