/**
 * Records on disk: JSON replaced atomically, bigint as decimal strings. Other releases read and write them too: members and words
 * that this one does not know survive a read and a write, and a higher version is read for what is known.
 */
import { mkdirSync, readFileSync, renameSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { errno, GantryError, writeJsonAtomic } from '../../base/index.ts';
import { reviveStored } from '../../cri-types/index.ts';
import type { NetworkRecord } from '../../network/index.ts';
import {
  type ContainerRecord,
  type ContainerState,
  RECORD_VERSION,
  type SandboxRecord,
  type SandboxState,
  type StepFailure,
} from '../model/record.ts';
import { Fields } from './fields.ts';
import { isObject, type JsonObject, mergeChanges, toJson } from './merge.ts';

/** What was stored and how this release reads it, where the two differ. */
export interface Origin {
  readonly stored: JsonObject;
  readonly read: JsonObject;
}

/**
 * What a look at a record's file may find. `absent`: there is none. `unreadable`: the file system did not give it (any errno but
 * ENOENT), and may the next time. `torn`: not a whole record, and it never will be. `foreign`: whole, of a newer release, and
 * not to be understood by this one.
 */
export type Reading<R> =
  | { readonly kind: 'read'; readonly record: R; readonly origin: Origin | undefined }
  | { readonly kind: 'absent' }
  | { readonly kind: 'unreadable' | 'torn' | 'foreign'; readonly error: GantryError };

/** Errors: those of the file system (ENOSPC among them). */
export function writeRecord(path: string, record: SandboxRecord | ContainerRecord, origin?: Origin): void {
  writeJsonAtomic(
    path,
    origin === undefined ? record : mergeChanges(origin.stored, origin.read, toJson(record)),
  );
}

/** Never throws. */
export function readSandboxRecord(path: string): Reading<SandboxRecord> {
  return readFile(path, parseSandboxRecord);
}

/** The same for a container. */
export function readContainerRecord(path: string): Reading<ContainerRecord> {
  return readFile(path, parseContainerRecord);
}

/** A network's record in a file of its own, see `Sandbox.claimNetwork`. */
export function readNetworkRecord(path: string): Reading<NetworkRecord> {
  return readFile(path, (json) => {
    json.text('kind');
    json.fields('request').text('podId');
    return json.all() as unknown as NetworkRecord;
  });
}

function readFile<R extends object>(path: string, parse: (json: Fields) => R): Reading<R> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (errno(error) === 'ENOENT') return { kind: 'absent' };
    return { kind: 'unreadable', error: recordError('unavailable', path, 'cannot be read now', error) };
  }
  return decode(path, text, parse);
}

/** Pure. */
export function decode<R extends object>(path: string, text: string, parse: (json: Fields) => R): Reading<R> {
  let stored: unknown;
  try {
    stored = JSON.parse(text);
    const record = parse(new Fields(stored));
    const read = toJson(record);
    const origin = isObject(stored) && !isDeepStrictEqual(stored, read) ? { stored, read } : undefined;
    return { kind: 'read', record, origin };
  } catch (cause) {
    return isObject(stored) && Number(stored['version']) > RECORD_VERSION
      ? { kind: 'foreign', error: recordError('unimplemented', path, 'is of a newer release', cause) }
      : { kind: 'torn', error: recordError('data-loss', path, 'is not a whole record', cause) };
  }
}

function recordError(
  code: 'unavailable' | 'unimplemented' | 'data-loss',
  path: string,
  what: string,
  cause: unknown,
): GantryError {
  return new GantryError({
    code,
    operation: 'read record',
    subject: path,
    message: `${path} ${what}`,
    cause,
  });
}

/**
 * Pure. Throws where a member is missing or of another type. Words of another release are read for what is safe: a pod of an
 * unknown owner is nobody's of the kubelet's, and one in an unknown state counts as ready until its lock and its stage1 tell.
 */
export function parseSandboxRecord(json: Fields): SandboxRecord {
  const version = json.number('version');
  const network = json.optional('network');
  return {
    version,
    id: json.text('id'),
    owner: json.oneOf('owner', ['cri', 'cli']) ?? 'cli',
    name: json.text('name'),
    config: reviveStored('PodSandboxConfig', json.any('config')),
    runtimeHandler: json.text('runtimeHandler'),
    flavor: json.text('flavor'),
    createdAt: json.integer('createdAt'),
    bootId: json.text('bootId'),
    state: parseSandboxState(json.fields('state')),
    netnsPath: json.text('netnsPath'),
    usernsPath: json.text('usernsPath'),
    // Its own folder wrote it and reads it back; here it only passes through.
    network: network === undefined || network === null ? undefined : (network as NetworkRecord),
    cgroupPath: json.text('cgroupPath'),
    cgroupParent: json.text('cgroupParent'),
    ...(json.optional('cgroupDriver') === undefined ? {} : { cgroupDriver: json.text('cgroupDriver') }),
    ...(json.optional('newCgroups') === undefined ? {} : { newCgroups: json.list('newCgroups').map(String) }),
    // Older releases wrote none.
    seLinuxLevel: json.optional('seLinuxLevel') === undefined ? '' : json.text('seLinuxLevel'),
    ...(json.optional('failure') === undefined ? {} : { failure: parseFailure(json.fields('failure')) }),
    pid: json.number('pid'),
  };
}

function parseSandboxState(json: Fields): SandboxState {
  const kind = json.oneOf('kind', ['creating', 'ready', 'notready', 'removing']) ?? 'ready';
  if (kind !== 'notready') return { kind };
  return { kind, networkDown: json.flag('networkDown'), reason: json.text('reason') };
}

function parseFailure(json: Fields): StepFailure {
  return { step: json.text('step'), message: json.text('message'), at: json.integer('at') };
}

/** Pure. The same for a container: in a state of another release it counts as created until its stage1 tells. */
export function parseContainerRecord(json: Fields): ContainerRecord {
  const version = json.number('version');
  const user = json.fields('user');
  return {
    version,
    id: json.text('id'),
    sandboxId: json.text('sandboxId'),
    name: json.text('name'),
    config: reviveStored('ContainerConfig', json.any('config')),
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
    ...(json.optional('volumesPath') === undefined ? {} : { volumesPath: json.text('volumesPath') }),
    user: {
      uid: user.number('uid'),
      gid: user.number('gid'),
      additionalGids: user.list('additionalGids').map(Number),
    },
  };
}

function parseContainerState(json: Fields): ContainerState {
  const kind = json.oneOf('kind', ['creating', 'created', 'running', 'exited', 'removing']) ?? 'created';
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

/** Moves a directory with a bad record out of the way; returns where it is now. */
export function quarantine(directory: string, quarantineRoot: string): string {
  mkdirSync(quarantineRoot, { recursive: true, mode: 0o700 });
  const target = join(quarantineRoot, `${basename(directory)}-${Date.now()}`);
  renameSync(directory, target);
  return target;
}
