import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { programs } from '../harness/index.ts';

const list = fileURLToPath(new URL('releases', import.meta.url));

/** Commits of the older releases that this one must get along with, the newest first. */
export function olderReleases(): string[] {
  return readFileSync(list, 'utf8')
    .split('\n')
    .flatMap((line) => /^[0-9a-f]{7,40}\b/.exec(line)?.[0] ?? []);
}

/** The `bin/gantry` of an older release, built by `e2e/skew/build-release`. */
export function programOf(commit: string): string {
  const directory = join(programs.build, 'skew', commit);
  if (!existsSync(join(directory, '.built')))
    throw new Error(`release ${commit} is not built: run e2e/skew/build-release ${commit}`);
  return join(directory, 'bin', 'gantry');
}
