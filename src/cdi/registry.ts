/** The specifications of this host: files in a list of directories, read when a device is asked for. */
import { readdirSync, type Stats, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import {
  describeError,
  errno,
  GantryError,
  type Logger,
  type OciSpec,
  readRegularFile,
} from '../base/index.ts';
import { applyEdits } from './apply.ts';
import { parseSpec } from './parse.ts';
import type { Cdi, CdiSpec, ContainerEdits, LookAtNodes } from './types.ts';
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
  readonly #lookAtNodes: LookAtNodes;
  readonly #log: Logger;
  #files = new Map<string, Loaded>();

  /** Of later directories what they describe again wins over earlier ones. */
  constructor(directories: readonly string[], lookAtNodes: LookAtNodes, log: Logger) {
    this.#directories = directories;
    this.#lookAtNodes = lookAtNodes;
    this.#log = log;
  }

  async inject(spec: OciSpec, devices: readonly string[]): Promise<OciSpec> {
    return (await this.prepare(devices))(spec);
  }

  async prepare(devices: readonly string[]): Promise<(spec: OciSpec) => OciSpec> {
    if (devices.length === 0) return (spec) => spec;
    const { known, conflicts } = this.#devices();
    const unknown = devices.filter((device) => !known.has(device));
    if (unknown.length > 0) throw this.#unresolvable(unknown, conflicts);
    const steps = stepsOf(devices, known);
    const nodes = steps.flatMap(({ edits }) =>
      edits.deviceNodes.map(({ hostPath, path }) => hostPath || path),
    );
    const hostNodes = await this.#lookAtNodes(nodes);
    return (spec) =>
      steps.reduce((edited, { edits, device }) => applyEdits(edited, edits, device, hostNodes), spec);
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
    const loaded = this.#directories.flatMap((directory, priority) =>
      this.#readDirectory(directory).map((file) => ({ file, priority })),
    );
    this.#files = new Map(loaded.map(({ file }) => [file.path, file]));
    return loaded;
  }

  /** One that cannot be read counts as a file that cannot. */
  #readDirectory(directory: string): Loaded[] {
    try {
      return list(directory).flatMap((name) => this.#load(join(directory, name)) ?? []);
    } catch (error) {
      return [this.#broken(directory, '', error)];
    }
  }

  /** Undefined where it has gone meanwhile, or is no file. */
  #load(path: string): Loaded | undefined {
    let stamp = '';
    try {
      const stats = statSync(path, { throwIfNoEntry: false });
      if (stats === undefined || stats.isDirectory()) return undefined;
      stamp = stampOf(stats);
      const before = this.#files.get(path);
      if (before?.stamp === stamp) return before;
      const spec = parseSpec(readRegularFile(path));
      validateSpec(spec);
      return { stamp, path, spec, problem: '' };
    } catch (error) {
      return errno(error) === 'ENOENT' ? undefined : this.#broken(path, stamp, error);
    }
  }

  /** Told once. */
  #broken(path: string, stamp: string, error: unknown): Loaded {
    const problem = describeError(error);
    const before = this.#files.get(path);
    if (before?.stamp === stamp && before.problem === problem) return before;
    this.#log.warn({ file: path, problem }, 'CDI specification is not used');
    return { stamp, path, spec: undefined, problem };
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

/** What a file says for all of its devices comes once, before the first of them. */
function stepsOf(
  devices: readonly string[],
  known: ReadonlyMap<string, Found>,
): { edits: ContainerEdits; device: string }[] {
  const shared = new Set<Loaded>();
  return devices.flatMap((device) => {
    const found = known.get(device);
    if (found === undefined) return [];
    const isFirst = !shared.has(found.file);
    shared.add(found.file);
    return (isFirst ? [found.shared, found.own] : [found.own]).map((edits) => ({ edits, device }));
  });
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
