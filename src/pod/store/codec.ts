/**
 * Records on disk: JSON replaced atomically, bigint as decimal strings. A record that cannot be read is moved to quarantine,
 * with all that lies beside it, and named; it never stops the server.
 */
import { mkdirSync, readFileSync, renameSync } from 'node:fs';
import { basename, join } from 'node:path';
import { errno, GantryError, writeJsonAtomic } from '../../base/index.ts';
import { revive } from '../../cri-types/index.ts';
import type { NetworkRecord } from '../../network/index.ts';
import type { ContainerRecord, ContainerState, SandboxRecord, SandboxState } from '../model/record.ts';

export const RECORD_VERSION = 1;

/** Errors: those of the file system (ENOSPC among them). */
export function writeRecord(path: string, record: SandboxRecord | ContainerRecord): void {
  writeJsonAtomic(path, record);
}

/** Undefined where there is none. Errors: data-loss for a record that is not whole or not ours. */
export function readSandboxRecord(path: string): SandboxRecord | undefined {
  return read(path, parseSandboxRecord);
}

/** The same for a container. */
export function readContainerRecord(path: string): ContainerRecord | undefined {
  return read(path, parseContainerRecord);
}

function read<T>(path: string, parse: (json: Fields) => T): T | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (errno(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return parse(new Fields(JSON.parse(text)));
  } catch (cause) {
    throw new GantryError({
      code: 'data-loss',
      operation: 'read record',
      subject: path,
      message: `${path} is not a whole record`,
      cause,
    });
  }
}

/** Pure. Throws on anything that a SandboxRecord of this version does not hold. */
export function parseSandboxRecord(json: Fields): SandboxRecord {
  json.version();
  const network = json.optional('network');
  return {
    version: 1,
    id: json.text('id'),
    owner: json.oneOf('owner', ['cri', 'cli']),
    name: json.text('name'),
    config: revive('PodSandboxConfig', json.any('config')),
    runtimeHandler: json.text('runtimeHandler'),
    flavor: json.oneOf('flavor', ['namespaces', 'kvm', 'host']),
    createdAt: json.integer('createdAt'),
    bootId: json.text('bootId'),
    state: parseSandboxState(json.fields('state')),
    netnsPath: json.text('netnsPath'),
    usernsPath: json.text('usernsPath'),
    // Its own folder wrote it and reads it back; here it only passes through.
    network: network === undefined || network === null ? undefined : (network as NetworkRecord),
    cgroupPath: json.text('cgroupPath'),
    cgroupParent: json.text('cgroupParent'),
    ...(json.optional('newCgroups') === undefined ? {} : { newCgroups: json.list('newCgroups').map(String) }),
    // Older releases wrote none.
    seLinuxLevel: json.optional('seLinuxLevel') === undefined ? '' : json.text('seLinuxLevel'),
    pid: json.number('pid'),
  };
}

function parseSandboxState(json: Fields): SandboxState {
  const kind = json.oneOf('kind', ['creating', 'ready', 'notready', 'removing']);
  if (kind !== 'notready') return { kind };
  return { kind, networkDown: json.flag('networkDown'), reason: json.text('reason') };
}

/** Pure. */
export function parseContainerRecord(json: Fields): ContainerRecord {
  json.version();
  const user = json.fields('user');
  return {
    version: 1,
    id: json.text('id'),
    sandboxId: json.text('sandboxId'),
    name: json.text('name'),
    config: revive('ContainerConfig', json.any('config')),
    imageId: json.text('imageId'),
    imageRef: json.text('imageRef'),
    ...(json.optional('volumeImageIds') === undefined
      ? {}
      : { volumeImageIds: json.list('volumeImageIds').map(String) }),
    createdAt: json.integer('createdAt'),
    state: parseContainerState(json.fields('state')),
    cgroupPath: json.text('cgroupPath'),
    logPath: json.text('logPath'),
    stopSignal: json.number('stopSignal'),
    writablePath: json.text('writablePath'),
    user: {
      uid: user.number('uid'),
      gid: user.number('gid'),
      additionalGids: user.list('additionalGids').map(Number),
    },
  };
}

function parseContainerState(json: Fields): ContainerState {
  const kind = json.oneOf('kind', ['creating', 'created', 'running', 'exited', 'removing']);
  if (kind === 'running') return { kind, startedAt: json.integer('startedAt'), pid: json.number('pid') };
  if (kind !== 'exited') return { kind };
  return {
    kind,
    startedAt: json.integer('startedAt'),
    finishedAt: json.integer('finishedAt'),
    exitCode: json.number('exitCode'),
    reason: json.text('reason'),
    message: json.text('message'),
  };
}

/** A JSON object whose members are asked for by name and type; every wrong one is named. */
export class Fields {
  readonly #object: Readonly<Record<string, unknown>>;

  constructor(value: unknown) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('not an object');
    this.#object = value as Record<string, unknown>;
  }

  version(): void {
    const found = this.number('version');
    if (found !== RECORD_VERSION) throw new Error(`version ${found}, this release reads ${RECORD_VERSION}`);
  }

  optional(name: string): unknown {
    return Object.hasOwn(this.#object, name) ? this.#object[name] : undefined;
  }

  any(name: string): unknown {
    const value = this.optional(name);
    if (value === undefined) throw new Error(`${name} is missing`);
    return value;
  }

  text(name: string): string {
    const value = this.any(name);
    if (typeof value !== 'string') throw new Error(`${name} is not a string`);
    return value;
  }

  number(name: string): number {
    const value = this.any(name);
    if (typeof value !== 'number' || !Number.isSafeInteger(value))
      throw new Error(`${name} is not an integer`);
    return value;
  }

  integer(name: string): bigint {
    const value = this.text(name);
    if (!/^-?\d{1,20}$/.test(value)) throw new Error(`${name} is not a decimal number`);
    return BigInt(value);
  }

  flag(name: string): boolean {
    const value = this.any(name);
    if (typeof value !== 'boolean') throw new Error(`${name} is not true or false`);
    return value;
  }

  list(name: string): readonly unknown[] {
    const value = this.any(name);
    if (!Array.isArray(value)) throw new Error(`${name} is not a list`);
    return value;
  }

  fields(name: string): Fields {
    return new Fields(this.any(name));
  }

  oneOf<const T extends string>(name: string, values: readonly T[]): T {
    const found = this.text(name);
    const value = values.find((candidate) => candidate === found);
    if (value === undefined) throw new Error(`${name} is '${found}', not one of ${values.join(', ')}`);
    return value;
  }
}

/** Moves a directory with a bad record out of the way; returns where it is now. */
export function quarantine(directory: string, quarantineRoot: string): string {
  mkdirSync(quarantineRoot, { recursive: true, mode: 0o700 });
  const target = join(quarantineRoot, `${basename(directory)}-${Date.now()}`);
  renameSync(directory, target);
  return target;
}
