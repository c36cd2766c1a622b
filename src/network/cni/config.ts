/**
 * Network configuration lists (CNI specification 1.1.0, section 1), as libcni reads them: the first valid file of the
 * directory, by name, is the network. Files with an error are named and passed over.
 */
import { type BigIntStats, readdirSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { describeError, errno, readRegularFile } from '../../base/index.ts';
import { latestSupported, supportedVersions } from './version.ts';

export interface CniPlugin {
  readonly type: string;
  readonly capabilities?: Readonly<Record<string, boolean>>;
  readonly [key: string]: unknown;
}

export interface CniNetwork {
  readonly file: string;
  readonly name: string;
  readonly cniVersion: string;
  readonly disableGC: boolean;
  readonly plugins: readonly CniPlugin[];
}

export interface CniConfiguration {
  /** Absent when no file is valid. */
  readonly network?: CniNetwork;
  /** Every candidate file, valid or not. */
  readonly files: readonly string[];
  /** One sentence a file that could not be used, naming it. */
  readonly problems: readonly string[];
}

/** Reads the directory again only when a name, size or time in it has changed. */
export class CniConfigurationReader {
  readonly #directory: string;
  #seen = '';
  #loaded: CniConfiguration = { files: [], problems: [] };

  constructor(directory: string) {
    this.#directory = directory;
  }

  current(): CniConfiguration {
    const now = fingerprint(this.#directory);
    if (now !== this.#seen) {
      this.#loaded = loadConfiguration(this.#directory);
      this.#seen = now;
    }
    return this.#loaded;
  }
}

function loadConfiguration(directory: string): CniConfiguration {
  const problems: string[] = [];
  let files: string[] = [];
  try {
    files = filesIn(directory, ['.conf', '.conflist', '.json']);
  } catch (error) {
    problems.push(describeError(error));
  }
  for (const file of files) {
    try {
      return { network: readNetwork(file, directory), files, problems };
    } catch (error) {
      problems.push(`${file}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return { files, problems };
}

/** Errors: those of reading the directory; one that is absent is empty. */
function filesIn(directory: string, extensions: readonly string[]): string[] {
  let names: string[];
  try {
    names = readdirSync(directory, { withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => entry.name);
  } catch (error) {
    if (errno(error) === 'ENOENT') return [];
    throw error;
  }
  return names
    .filter((name) => extensions.includes(extname(name)))
    .sort((a, b) => (a < b ? -1 : 1))
    .map((name) => join(directory, name));
}

/** Names, sizes and times of everything that a network could be read from, one level deep. */
function fingerprint(directory: string): string {
  const parts: string[] = [];
  const visit = (path: string, depth: number): void => {
    let names: string[];
    try {
      names = readdirSync(path).sort();
    } catch {
      return;
    }
    for (const name of names) {
      const info = statsOf(join(path, name));
      if (info === undefined) continue;
      if (info instanceof Error) {
        parts.push(`${path}/${name} ${info.message}`);
      } else if (info.isDirectory()) {
        if (depth === 0) visit(join(path, name), 1);
      } else {
        parts.push(`${path}/${name} ${info.ino} ${info.size} ${info.mtimeNs} ${info.ctimeNs}`);
      }
    }
  };
  visit(directory, 0);
  return parts.join('\n') || 'empty';
}

/** Undefined for what is absent; what cannot be looked at, a link to itself for instance, is a problem of its own file. */
function statsOf(path: string): BigIntStats | Error | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false, bigint: true });
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function readNetwork(file: string, directory: string): CniNetwork {
  const text = readRegularFile(file);
  if (extname(file) !== '.conflist') return parseSingle(text, file);
  return parseList(text, file, (name) => filesIn(join(directory, name), ['.conf']).map(readRegularFile));
}

/**
 * A `.conflist`. `dropIns` gives the texts of the plug-in files in the directory named after the network, which are
 * appended unless the list says `loadOnlyInlinedPlugins`.
 */
export function parseList(
  text: string,
  file: string,
  dropIns: (name: string) => readonly string[],
): CniNetwork {
  const list = parseObject(text, 'the file');
  const name = networkName(list['name']);
  const onlyInlined = flag(list, 'loadOnlyInlinedPlugins');
  const inlined = list['plugins'] ?? [];
  if (!Array.isArray(inlined)) throw new Error("'plugins' is not a list");
  const raw: unknown[] = [...inlined];
  if (!onlyInlined) raw.push(...dropIns(name).map((one) => parseObject(one, 'a plug-in file')));
  if (raw.length === 0) throw new Error("it has no plug-ins ('plugins' is empty or missing)");
  return {
    file,
    name,
    cniVersion: chooseVersion(list['cniVersion'], list['cniVersions']),
    disableGC: flag(list, 'disableGC'),
    plugins: raw.map((plugin, index) => parsePlugin(plugin, `plug-in ${index + 1}`)),
  };
}

/** A `.conf` or `.json` with one plug-in: a list of one. */
export function parseSingle(text: string, file: string): CniNetwork {
  const plugin = parseObject(text, 'the file');
  if ('plugins' in plugin) throw new Error("it has 'plugins', so its name must end in .conflist");
  return {
    file,
    name: networkName(plugin['name']),
    cniVersion: chooseVersion(plugin['cniVersion'], undefined),
    disableGC: false,
    plugins: [parsePlugin(plugin, 'the plug-in')],
  };
}

function parseObject(text: string, what: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`${what} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error(`${what} is not a JSON object`);
  }
  return value as Record<string, unknown>;
}

function parsePlugin(value: unknown, what: string): CniPlugin {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error(`${what} is not an object`);
  const type = (value as Record<string, unknown>)['type'];
  if (typeof type !== 'string' || type === '') throw new Error(`${what} has no 'type'`);
  if (/[/\\]|^\.\.?$/.test(type))
    throw new Error(`${what}: 'type' is ${JSON.stringify(type)}, not a file name`);
  return value as CniPlugin;
}

function networkName(value: unknown): string {
  if (typeof value !== 'string' || value === '') throw new Error("it has no 'name'");
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(value)) {
    throw new Error(`'name' is ${JSON.stringify(value)}; only letters, digits, '_', '.' and '-' are allowed`);
  }
  return value;
}

function flag(list: Readonly<Record<string, unknown>>, key: string): boolean {
  const value = list[key];
  if (value === undefined || typeof value === 'boolean') return value ?? false;
  const text = typeof value === 'string' ? value.toLowerCase() : '';
  if (text !== 'true' && text !== 'false')
    throw new Error(`'${key}' is ${JSON.stringify(value)}, not true or false`);
  return text === 'true';
}

/** The newest version that the list offers and Gantry speaks. A list without any is of the first. */
function chooseVersion(single: unknown, several: unknown): string {
  const offered = several === undefined ? [] : several;
  if (!Array.isArray(offered) || offered.some((version) => typeof version !== 'string')) {
    throw new Error("'cniVersions' is not a list of strings");
  }
  if (single !== undefined && typeof single !== 'string') throw new Error("'cniVersion' is not a string");
  const all = [...(offered as string[]), ...(single ? [single] : [])];
  if (all.length === 0) return '0.1.0';
  const version = latestSupported(all);
  if (version === undefined) {
    throw new Error(`it speaks CNI ${all.join(', ')}; Gantry speaks ${supportedVersions.join(', ')}`);
  }
  return version;
}
