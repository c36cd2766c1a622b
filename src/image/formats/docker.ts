/** `docker save` archives: manifest.json names a configuration and the layers' members of each image. */
import { createHash } from 'node:crypto';
import { GantryError } from '../../base/index.ts';
import type { ArchiveContents } from './archive.ts';
import { parseImageConfig } from './image-config.ts';
import type { ArchivedImage } from './plan.ts';

interface Entry {
  readonly config: string;
  readonly tags: readonly string[];
  readonly layers: readonly string[];
}

export function isDockerArchive(contents: ArchiveContents): boolean {
  return contents.find('manifest.json') !== undefined;
}

export function planDockerArchive(contents: ArchiveContents): ArchivedImage[] {
  return entriesOf(contents).map((entry) => {
    const config = contents.find(entry.config)?.document;
    if (config === undefined) throw broken(`configuration ${entry.config} is missing, or no JSON`);
    const parsed = parseImageConfig(config, entry.config);
    if (parsed.diffIds.length !== entry.layers.length)
      throw broken(`${entry.config}: layers and diff IDs differ in number`);
    const layers = entry.layers.map((path, i) => {
      const member = contents.find(path);
      if (member === undefined) throw broken(`layer ${path} is missing`);
      return { diffId: parsed.diffIds[i] ?? '', path, member, digest: undefined };
    });
    return {
      id: digestOf(config),
      parsed,
      config,
      manifest: Buffer.alloc(0),
      targets: [],
      names: entry.tags,
      digest: '',
      layers,
    };
  });
}

/** Newer dockers write both formats into one archive: tags by image ID, for the OCI layout's images. */
export function dockerTags(contents: ArchiveContents): ReadonlyMap<string, readonly string[]> {
  if (!isDockerArchive(contents)) return new Map();
  return new Map(
    entriesOf(contents).flatMap((entry) => {
      const config = contents.find(entry.config)?.document;
      return config === undefined ? [] : [[digestOf(config), entry.tags] as const];
    }),
  );
}

function entriesOf(contents: ArchiveContents): Entry[] {
  let document: unknown;
  try {
    document = JSON.parse(contents.find('manifest.json')?.document?.toString() ?? '');
  } catch {
    throw broken('manifest.json is no JSON');
  }
  if (!Array.isArray(document)) throw broken('manifest.json is no list');
  return document.map((entry: unknown) => {
    const { Config: config, RepoTags: tags, Layers: layers } = (entry ?? {}) as Record<string, unknown>;
    if (typeof config !== 'string' || !isStrings(layers) || !isStrings(tags ?? []))
      throw broken('manifest.json is malformed');
    return { config, layers, tags: (tags ?? []) as string[] };
  });
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string');
}

function broken(why: string): GantryError {
  const message = `the docker archive is broken: ${why}`;
  return new GantryError({ code: 'data-loss', operation: 'read docker archive', message });
}
