import { chmodSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { programs, type World } from '../harness/index.ts';

export type Json = Record<string, unknown>;

/** What a later release has in every object of a record, and this one does not know. */
export const future = { word: 'later', list: [1, { two: 2 }], nested: { deeply: true } } as const;

export function readJson(path: string): Json {
  return JSON.parse(readFileSync(path, 'utf8')) as Json;
}

export function rewrite(path: string, change: (whole: Json) => Json): void {
  writeFileSync(path, JSON.stringify(change(readJson(path))));
}

/** As a later release would have written it: a higher version, and members that are not known, at the top and in `state` and `config`. */
export function asNewer(record: Json): Json {
  const more = (name: string): Json =>
    typeof record[name] === 'object' ? { [name]: { ...(record[name] as Json), future } } : {};
  return { ...record, ...more('state'), ...more('config'), ...more('image'), version: 7, future };
}

/** Every record of pods, containers and images below the root: where it is. */
export function recordsOf(world: World): { pods: string[]; containers: string[]; images: string[] } {
  const { root } = world.gantry;
  const pods = list(join(root, 'pods'));
  return {
    pods: pods.map((pod) => join(pod, 'record.json')),
    containers: pods.flatMap((pod) => list(join(pod, 'apps'))).map((app) => join(app, 'record.json')),
    images: list(join(root, 'images')).filter((file) => /\/[0-9a-f]{64}\.json$/.test(file)),
  };
}

function list(directory: string): string[] {
  return readdirSync(directory).map((name) => join(directory, name));
}

/**
 * A directory for GANTRY_NATIVE_DIR with this release's programs, and a stage1 that says it speaks another version of the contract
 * and knows requests up to that number (addon/stage1/contract/version.cc).
 */
export function nativeWith(
  world: World,
  name: string,
  spoken: { version: number; lastRequest: number },
): string {
  const directory = join(world.directory, `native-${name}`);
  const release = join(programs.build, 'release');
  mkdirSync(directory);
  for (const file of readdirSync(release).filter((entry) => entry.startsWith('gantry'))) {
    if (file !== 'gantry-stage1') symlinkSync(join(release, file), join(directory, file));
  }
  const program = readFileSync(join(release, 'gantry-stage1'));
  const mark = Buffer.from('GANTRY CONTRACT\0');
  const at = program.indexOf(mark);
  if (at < 0 || program.indexOf(mark, at + 1) >= 0)
    throw new Error('gantry-stage1 does not name its contract once');
  program.writeUInt32LE(spoken.version, at + mark.length);
  program.writeUInt32LE(spoken.lastRequest, at + mark.length + 4);
  const path = join(directory, 'gantry-stage1');
  writeFileSync(path, program);
  chmodSync(path, 0o755);
  return directory;
}
