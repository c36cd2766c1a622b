import { lstatSync, readFileSync, readlinkSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { errno } from '../base/index.ts';
import { invalid } from './errors.ts';

/** As path_resolution(7) has it. */
const maximumLinks = 40;
const maximumBytes = 4 * 1024 * 1024;

/** What an image's stacked layers hold at a path, without stacking them. */
export interface LayerReader {
  /** Of a regular file; undefined where there is none. */
  read(path: string): string | undefined;
}

/**
 * Reads as overlayfs would show it: the upper layer wins, a whiteout (a character device 0:0) hides what is below, an
 * opaque directory too. Symbolic links are resolved inside the image's root and never lead out of it: each component is
 * looked up by ourselves, none by the kernel. Layers are read-only, so nothing changes between look and read.
 *
 * @param layers mount points, lowest first
 * @param isOpaque whether a layer's directory carries overlayfs' opaque mark
 */
export function layerReader(
  layers: readonly string[],
  isOpaque: (directory: string) => boolean,
): LayerReader {
  const root = [...layers].reverse();
  return {
    read(path) {
      const found = resolve(root, path, isOpaque);
      if (found === undefined) return undefined;
      if (found.stats.size > maximumBytes) {
        throw invalid(path, `${path} of the image is larger than ${maximumBytes} bytes`);
      }
      return readFileSync(found.real, 'utf8');
    },
  };
}

interface Entry {
  readonly real: string;
  readonly stats: Stats;
}

/** Directories of the layers, uppermost first, that make up one directory of the image. */
type Directory = readonly string[];

function resolve(root: Directory, path: string, isOpaque: (d: string) => boolean): Entry | undefined {
  let pending = parts(path);
  let trail: Directory[] = [root];
  for (let links = 0; ; ) {
    const [name, ...rest] = pending;
    if (name === undefined) return undefined;
    pending = rest;
    if (name === '..') {
      if (trail.length > 1) trail = trail.slice(0, -1);
      continue;
    }
    const found = lookUp(trail.at(-1) ?? root, name, isOpaque);
    if (found === undefined) return undefined;
    if ('directories' in found) {
      trail = [...trail, found.directories];
    } else if (found.stats.isSymbolicLink()) {
      if (++links > maximumLinks) return undefined;
      const target = readlinkSync(found.real);
      if (target.startsWith('/')) trail = [root];
      pending = [...parts(target), ...pending];
    } else {
      return pending.length === 0 && found.stats.isFile() ? found : undefined;
    }
  }
}

function lookUp(
  directory: Directory,
  name: string,
  isOpaque: (d: string) => boolean,
): Entry | { readonly directories: Directory } | undefined {
  const merged: string[] = [];
  for (const layer of directory) {
    const real = join(layer, name);
    const stats = lstat(real);
    if (stats === undefined) continue;
    if (stats.isCharacterDevice() && stats.rdev === 0) break;
    if (!stats.isDirectory()) {
      if (merged.length > 0) break;
      return { real, stats };
    }
    merged.push(real);
    if (isOpaque(real)) break;
  }
  return merged.length > 0 ? { directories: merged } : undefined;
}

function lstat(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch (error) {
    if (errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR' || errno(error) === 'ENAMETOOLONG')
      return undefined;
    throw error;
  }
}

function parts(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}
