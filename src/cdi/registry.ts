/** The specifications of this host: files in a list of directories, read when a device is asked for. */
import { readdirSync, readFileSync, type Stats, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { describeError, errno, GantryError, type Logger, type OciSpec } from '../base/index.ts';
import { applyEdits } from './apply.ts';
import { parseSpec } from './parse.ts';
import type { Cdi, CdiSpec, ContainerEdits, HostNodes } from './types.ts';
import { validateSpec } from './validate.ts';

interface Loaded {
  readonly stamp: string;
  readonly path: string;
  /** Undefined: it could not be read, see `problem`. */
  readonly spec: CdiSpec | undefined;
  readonly problem: string;
}

/** A device and where it is described. */
interface Found {
  readonly file: Loaded;
  readonly priority: number;
  readonly shared: ContainerEdits;
  readonly own: ContainerEdits;
}

export class CdiRegistry implements Cdi {
  readonly #directories: readonly string[];
  readonly #hostNodes: HostNodes;
  readonly #log: Logger;
  #files = new Map<string, Loaded>();

  /** Of later directories what they describe again wins over earlier ones. */
  constructor(directories: readonly string[], hostNodes: HostNodes, log: Logger) {
    this.#directories = directories;
    this.#hostNodes = hostNodes;
    this.#log = log;
  }

  inject(spec: OciSpec, devices: readonly string[]): OciSpec {
    if (devices.length === 0) return spec;
    const { known, conflicts } = this.#devices();
    const unknown = devices.filter((device) => !known.has(device));
    if (unknown.length > 0) throw this.#unresolvable(unknown, conflicts);
    let edited = spec;
    const shared = new Set<Loaded>();
    for (const device of devices) {
      const found = known.get(device);
      if (found === undefined) continue;
      if (!shared.has(found.file)) edited = applyEdits(edited, found.shared, device, this.#hostNodes);
      shared.add(found.file);
      edited = applyEdits(edited, found.own, device, this.#hostNodes);
    }
    return edited;
  }

  /** By qualified name. Two files of one directory that describe the same device leave it out. */
  #devices(): { known: ReadonlyMap<string, Found>; conflicts: ReadonlyMap<string, readonly string[]> } {
    const known = new Map<string, Found>();
    const conflicts = new Map<string, string[]>();
    for (const { file, priority } of this.#read()) {
      for (const { name, containerEdits: own } of file.spec?.devices ?? []) {
        const device = `${file.spec?.kind}=${name}`;
        const other = known.get(device);
        if (other?.priority === priority) {
          conflicts.set(device, [...(conflicts.get(device) ?? [other.file.path]), file.path]);
        } else if (file.spec !== undefined) {
          conflicts.delete(device);
          known.set(device, { file, priority, shared: file.spec.containerEdits, own });
        }
      }
    }
    for (const device of conflicts.keys()) known.delete(device);
    return { known, conflicts };
  }

  #read(): { file: Loaded; priority: number }[] {
    const files = this.#directories.flatMap((directory, priority) =>
      list(directory).map((name) => ({ path: join(directory, name), priority })),
    );
    const loaded = files.flatMap(({ path, priority }) => {
      const file = this.#load(path);
      return file === undefined ? [] : [{ file, priority }];
    });
    this.#files = new Map(loaded.map(({ file }) => [file.path, file]));
    return loaded;
  }

  /** Undefined where it has gone meanwhile, or is no file. */
  #load(path: string): Loaded | undefined {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined || stats.isDirectory()) return undefined;
    const stamp = stampOf(stats);
    const before = this.#files.get(path);
    if (before?.stamp === stamp) return before;
    try {
      const spec = parseSpec(readFileSync(path, 'utf8'));
      validateSpec(spec);
      return { stamp, path, spec, problem: '' };
    } catch (error) {
      if (errno(error) === 'ENOENT') return undefined;
      const problem = describeError(error);
      this.#log.warn({ file: path, problem }, 'CDI specification is not used');
      return { stamp, path, spec: undefined, problem };
    }
  }

  #unresolvable(devices: readonly string[], conflicts: ReadonlyMap<string, readonly string[]>): GantryError {
    const clashes = devices.flatMap((device) => {
      const files = conflicts.get(device);
      return files === undefined ? [] : [`${device} is described by each of ${files.join(', ')}`];
    });
    const broken = [...this.#files.values()].filter(({ spec }) => spec === undefined);
    const reasons = [...clashes, ...broken.map(({ path, problem }) => `${path} is not used: ${problem}`)];
    const where = this.#directories.join(', ') || 'no directory at all';
    return new GantryError({
      code: 'invalid-argument',
      operation: 'inject CDI devices',
      subject: devices.join(', '),
      message: `unresolvable CDI devices ${devices.join(', ')}: ${reasons.join('; ') || `no specification in ${where} describes them`}`,
    });
  }
}

/** Names of specification files, sorted; a directory that is not there has none. */
function list(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => extname(name) === '.json' || extname(name) === '.yaml')
      .sort();
  } catch (error) {
    if (errno(error) === 'ENOENT') return [];
    throw error;
  }
}

function stampOf({ ino, size, mtimeMs, ctimeMs }: Stats): string {
  return `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
}
