/**
 * Which contract a pod's stage1 speaks, and what may be asked of it: `docs/releases.md`. A stage1 stays the one that its pod was
 * started with, whatever release the server is of by now.
 */
import { GantryError } from '../base/index.ts';
import { CONTRACT_VERSION } from './manifest.ts';
import type { Hello, RequestOp } from './protocol.ts';

/** The name of a request: its member in `Request`. */
export type Verb = RequestOp extends infer Op ? (Op extends unknown ? keyof Op : never) : never;

/** What came later than version 1; the rest is known to every stage1. */
export interface Additions {
  /** Requests, by the version that brought them. */
  readonly requests: Readonly<Partial<Record<Verb, number>>>;
  /**
   * Members of `app.json` (`rootfs.mountPoints`) that an older stage1 would leave out without a word, although the app is not
   * what was asked for without them. What may be left out is not named here.
   */
  readonly members: Readonly<Record<string, number>>;
}

/** Of this release. Version 2 says what it does not know: kinds of frames too. */
export const additions: Additions = { requests: {}, members: {} };

/** The version to write an app's manifest in: a stage1 refuses one of a later version than its own. Pure. */
export function manifestVersion(hello: Hello | undefined): number {
  return Math.min(CONTRACT_VERSION, versionOf(hello));
}

/**
 * Whether this stage1 fills volumes from the image. One of the first contract would leave them empty: containers of its pods go on
 * without, as they began. Pure.
 */
export function fillsVolumes(hello: Hello | undefined): boolean {
  return versionOf(hello) >= 2;
}

/** Errors: unimplemented, naming both releases, for a request that this stage1 does not know. Pure. */
export function checkRequest(hello: Hello | undefined, verb: Verb, known = additions): void {
  const since = known.requests[verb] ?? 1;
  if (since > versionOf(hello)) throw tooOld(hello, `the request "${verb}"`);
}

/** Errors: unimplemented for a manifest with a member that this stage1 would pass over. Pure. */
export function checkManifest(hello: Hello | undefined, manifest: object, known = additions): void {
  for (const [member, since] of Object.entries(known.members)) {
    if (since <= versionOf(hello)) continue;
    if (memberOf(manifest, member) !== undefined) throw tooOld(hello, `"${member}" of an app’s manifest`);
  }
}

/** What stage1 answered ENOSYS to, whatever it said of its version. Pure. */
export function tooOld(hello: Hello | undefined, what: string): GantryError {
  const release = hello === undefined ? 'an unknown release' : `release ${hello.version}`;
  return new GantryError({
    code: 'unimplemented',
    operation: 'ask stage1',
    ...(hello === undefined ? {} : { subject: hello.podId }),
    message: `the stage1 of this pod is of ${release} (contract ${versionOf(hello)}) and does not know ${what}; pods made from now on do: make the pod anew`,
  });
}

/** A stage1 that has not said hello yet, or gave no number, is of the first version. */
function versionOf(hello: Hello | undefined): number {
  return Math.max(1, hello?.contractVersion ?? 1);
}

function memberOf(value: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (object, name) =>
        typeof object === 'object' && object !== null ? (object as Record<string, unknown>)[name] : undefined,
      value,
    );
}
