import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ownSources } from './bases.ts';
import { benchImages } from './bench.ts';
import { type Catalogue, critestImages } from './critest.ts';
import { ownImages } from './own.ts';
import { Pusher } from './push.ts';
import { startRegistry } from './registry.ts';

const cache = fileURLToPath(new URL('../../build/images', import.meta.url));

/** Whose binaries the images hold. */
const packages = ['busybox', 'procps', 'util-linux', 'apache2-bin', 'libc6', 'gcc'];

/** `test`: critest's images and our own; `bench`: these and the large ones that only hack/bench pulls. */
export type Selection = 'test' | 'bench';

/**
 * The storage directory of a registry that holds the images. They are built and pushed once; a change of Debian's
 * packages or of this folder makes new ones, and the old go.
 */
export function imageStorage(selection: Selection = 'test'): Promise<string> {
  return keptStorage(selection, key(), async (pusher) => {
    for (const catalogue of await catalogues(selection)) {
      for (const [name, image] of catalogue) await pusher.push(name, image);
    }
  });
}

/**
 * The storage directory `<kind>-<key>` of a registry into which `push` has pushed: made when it is not there, whole or not at all, and
 * those of the same kind and other keys go then.
 *
 * @param key 16 hex digits, of all that the images are made of
 */
export async function keptStorage(
  kind: string,
  key: string,
  push: (pusher: Pusher) => Promise<void>,
): Promise<string> {
  const storage = join(cache, `${kind}-${key}`);
  if (existsSync(storage)) return storage;
  const work = join(cache, `${kind}-making-${process.pid}`);
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  const registry = await startRegistry({ storage: join(work, 'storage'), directory: work });
  try {
    await push(new Pusher(registry.url));
  } finally {
    await registry.stop();
  }
  for (const name of readdirSync(cache)) {
    if (new RegExp(`^${kind}-[0-9a-f]{16}$`).test(name)) rmSync(join(cache, name), { recursive: true });
  }
  if (!existsSync(storage)) renameSync(join(work, 'storage'), storage);
  rmSync(work, { recursive: true, force: true });
  return storage;
}

async function catalogues(selection: Selection): Promise<Catalogue[]> {
  const test = [await critestImages(), await ownImages()];
  return selection === 'test' ? test : [...test, await benchImages()];
}

function key(): string {
  const hash = createHash('sha256');
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own placeholders
  const format = '${Package} ${Version}\n';
  hash.update(execFileSync('dpkg-query', ['-W', '-f', format, ...packages]));
  for (const file of ownSources()) hash.update(readFileSync(file));
  return hash.digest('hex').slice(0, 16);
}
